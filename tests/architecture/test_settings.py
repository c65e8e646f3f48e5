"""Every setting is explained, and read somewhere, so that it has an effect."""

import ast
import re
from pathlib import Path
from typing import Final

import pytest
from pydantic_settings import BaseSettings

from lab.settings import LabSettings
from services.bootstrap.settings import BootstrapSettings
from services.ingest_api.settings import IngestSettings
from services.process_worker.settings import WorkerSettings
from services.query_api.settings import QuerySettings
from services.simulator.settings import SimulatorSettings
from services.telemetry.settings import TelemetrySettings
from tests.architecture.tools import PROJECT

KINDS: Final[dict[type[BaseSettings], tuple[str, ...]]] = {
    LabSettings: ("lab",),
    BootstrapSettings: ("services/bootstrap", "services/ledger"),
    IngestSettings: ("services/ingest_api", "services/serving", "services/ledger"),
    WorkerSettings: ("services/process_worker", "services/serving", "services/ledger"),
    QuerySettings: ("services/query_api", "services/serving", "services/ledger"),
    SimulatorSettings: ("services/simulator", "services/serving"),
    TelemetrySettings: ("services/telemetry",),
}
"""Settings of a program → the packages that make up the program."""


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_every_setting_is_read(kind: type[BaseSettings]) -> None:
    """The program that has the setting reads it by name."""
    files = (path for part in KINDS[kind] for path in (PROJECT / part).rglob("*.py"))
    code = "\n".join(path.read_text(encoding="utf-8") for path in files)
    unread = [name for name in kind.model_fields if not re.search(rf"\.{name}\b", code)]
    assert unread == []


@pytest.mark.parametrize("module", sorted(PROJECT.glob("services/*/settings.py")), ids=lambda path: path.parent.name)
def test_every_setting_is_explained(module: Path) -> None:
    """A field is followed by a sentence about its meaning."""
    unexplained = []
    for node in ast.walk(ast.parse(module.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ClassDef) and any("Settings" in ast.unparse(base) for base in node.bases):
            for field, after in zip(node.body, [*node.body[1:], None], strict=True):
                if isinstance(field, ast.AnnAssign) and not _is_text(after):
                    unexplained.append(ast.unparse(field.target))
    assert unexplained == []


def _is_text(node: ast.stmt | None) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
