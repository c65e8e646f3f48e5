"""The hash of a stack's configuration changes with everything that its services run with."""

from collections.abc import Mapping
from pathlib import Path

import pytest

import services
from lab.targets.processes.config_hash import config_hash, installed_code

SETTINGS = {"LAB_WORKER_COST_US": "7", "LAB_LOG_LEVEL": "info"}
FILES = ("__init__.py", "worker/__init__.py", "worker/loop.py", "worker/functions.lua")


@pytest.fixture
def code(tmp_path: Path) -> Path:
    """Return the folder of code that a test may change."""
    root = tmp_path / "services"
    (root / "worker").mkdir(parents=True)
    for name in FILES:
        (root / name).write_text("")
    return root


def hashed(settings: Mapping[str, str], *roots: Path, telemetry: Mapping[str, str] | None = None) -> str:
    """Return the hash of a stack with these settings, whose code is in some folders."""
    return config_hash(settings, telemetry=telemetry or {}, roots=roots)


def test_a_hash_is_short_and_the_same_for_the_same(code: Path) -> None:
    """The order of the settings does not matter."""
    again = hashed(dict(reversed(SETTINGS.items())), code)
    assert hashed(SETTINGS, code) == hashed(SETTINGS, code) == again
    assert len(again) == 12


@pytest.mark.parametrize(
    "changed",
    [{}, SETTINGS | {"LAB_WORKER_COST_US": "8"}, SETTINGS | {"LAB_QUERY_POLL_MS": "1"}, {"LAB_WORKER_COST_US": "7"}],
)
def test_a_hash_changes_with_the_settings(changed: dict[str, str]) -> None:
    """With a value, with another setting, without a setting."""
    assert hashed(changed) != hashed(SETTINGS)


def test_a_hash_changes_with_where_telemetry_goes() -> None:
    """A variable of telemetry is no setting of that name."""
    pushed = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:4317"}
    assert len({hashed(SETTINGS), hashed(SETTINGS, telemetry=pushed), hashed(SETTINGS | pushed)}) == 3


@pytest.mark.parametrize("name", ["worker/loop.py", "worker/functions.lua", "worker/new.py"])
def test_a_hash_changes_with_the_code_of_the_services(code: Path, name: str) -> None:
    """A stack that is up runs the code that it was started with."""
    before = hashed(SETTINGS, code)
    (code / name).write_text("pass")
    assert hashed(SETTINGS, code) != before


@pytest.mark.parametrize("name", ["worker/README.md", "worker/loop.pyc", "../lab.py"])
def test_a_hash_does_not_change_with_other_files(code: Path, name: str) -> None:
    """Services do not run these files."""
    before = hashed(SETTINGS, code)
    (code / name).write_text("pass")
    assert hashed(SETTINGS, code) == before


def test_the_code_is_that_of_this_installation() -> None:
    """The services are started from the same package."""
    assert installed_code() == tuple(sorted(map(Path, services.__path__)))
