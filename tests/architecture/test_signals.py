"""The declared signals are those that the services record."""

import ast
from typing import Final

import pytest

from services.contracts import signals
from services.contracts.signals import SIGNALS, Signal
from tests.architecture.tools import PROJECT

PACKAGES: Final = {
    "ingest-api": ("services/ingest_api",),
    "process-worker": ("services/process_worker",),
    "query-api": ("services/query_api",),
    "simulator": ("services/simulator",),
}
SHARED: Final = ("services/serving", "services/telemetry")


@pytest.mark.parametrize("service", PACKAGES)
def test_every_declared_signal_is_recorded_and_no_other(service: str) -> None:
    """`signals.py` lists exactly the signals that a service emits."""
    own = used_signals(*PACKAGES[service])
    declared = {signal.name for signal in SIGNALS[service]}
    assert own <= declared
    assert declared <= own | used_signals(*SHARED)


def used_signals(*folders: str) -> set[str]:
    """Return the names of the signals that modules of these folders use."""
    by_constant = {name: value for name, value in vars(signals).items() if isinstance(value, Signal)}
    names = set()
    for folder in folders:
        for path in (PROJECT / folder).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                name = node.attr if isinstance(node, ast.Attribute) else getattr(node, "id", "")
                if name in by_constant:
                    names.add(by_constant[name].name)
    return names
