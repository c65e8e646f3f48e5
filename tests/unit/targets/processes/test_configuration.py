"""The hash of a stack's configuration, and where its metrics go."""

import sys
from pathlib import Path

import pytest

from lab.targets.processes.configuration import config_hash, telemetry_environment

SETTINGS = {"LAB_WORKER_COST_US": "7", "LAB_LOG_LEVEL": "info"}


@pytest.fixture
def services(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a package `services` that a test may change."""
    package = tmp_path / "services"
    (package / "worker").mkdir(parents=True)
    for name in ("__init__.py", "worker/__init__.py", "worker/loop.py", "worker/functions.lua"):
        (package / name).write_text("")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "services", raising=False)
    return package


def test_a_hash_is_short_and_the_same_for_the_same() -> None:
    """The order of the settings does not matter."""
    again = config_hash(dict(reversed(SETTINGS.items())))
    assert config_hash(SETTINGS) == config_hash(SETTINGS) == again
    assert len(again) == 12


@pytest.mark.parametrize(
    "changed",
    [{}, SETTINGS | {"LAB_WORKER_COST_US": "8"}, SETTINGS | {"LAB_QUERY_POLL_MS": "1"}, {"LAB_WORKER_COST_US": "7"}],
)
def test_a_hash_changes_with_the_settings(changed: dict[str, str]) -> None:
    """With a value, with another setting, without a setting."""
    assert config_hash(changed) != config_hash(SETTINGS)


@pytest.mark.parametrize("name", ["OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_PROMETHEUS_PORT"])
def test_a_hash_changes_with_where_telemetry_goes(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """The user's own variables decide where."""
    before = config_hash(SETTINGS)
    monkeypatch.setenv(name, "http://127.0.0.1:4317")
    assert config_hash(SETTINGS) != before


@pytest.mark.parametrize("name", ["worker/loop.py", "worker/functions.lua", "worker/new.py"])
def test_a_hash_changes_with_the_code_of_the_services(services: Path, name: str) -> None:
    """A stack that is up runs the code that it was started with."""
    before = config_hash(SETTINGS)
    (services / name).write_text("pass")
    assert config_hash(SETTINGS) != before


@pytest.mark.parametrize("name", ["worker/README.md", "worker/loop.pyc", "../lab.py"])
def test_a_hash_does_not_change_with_other_files(services: Path, name: str) -> None:
    """Services do not run these files."""
    before = config_hash(SETTINGS)
    (services / name).write_text("pass")
    assert config_hash(SETTINGS) == before


def test_a_hash_does_not_change_with_variables_of_others(monkeypatch: pytest.MonkeyPatch) -> None:
    """Services do not read where runs are kept, or the ID of a run."""
    before = config_hash(SETTINGS)
    monkeypatch.setenv("LAB_RUNS_DIR", "elsewhere")
    monkeypatch.setenv("LAB_RUN_ID", "a-run")
    assert config_hash(SETTINGS) == before


def test_metrics_are_scraped_unless_they_are_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    """When the user names an endpoint, the services choose the exporter."""
    assert telemetry_environment()["OTEL_METRICS_EXPORTER"] == "prometheus"
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_METRICS_ENDPOINT", "http://127.0.0.1:4317")
    assert "OTEL_METRICS_EXPORTER" not in telemetry_environment()
