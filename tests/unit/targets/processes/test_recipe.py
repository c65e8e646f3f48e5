"""The recipe of a stack: its hash, its plan and the facts about its store."""

import sys
from pathlib import Path

import pytest

from lab.model import StoreFacts
from lab.settings import LabSettings
from lab.systems.services import SERVICES
from lab.targets.processes.folder import StackFolder
from lab.targets.processes.plan import write_plan
from lab.targets.processes.recipe import Recipe, config_hash, store_facts, telemetry_environment
from lab.targets.processes.stacks import stop_timeout_s

UNKNOWN = StoreFacts("unknown", "", "unknown")
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


# ------------------------------------------------------------------------------------------------------------ hash


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


# ------------------------------------------------------------------------------------------------------------ plan


def test_metrics_are_scraped_unless_they_are_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    """When the user names an endpoint, the services choose the exporter."""
    assert telemetry_environment()["OTEL_METRICS_EXPORTER"] == "prometheus"
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_METRICS_ENDPOINT", "http://127.0.0.1:4317")
    assert "OTEL_METRICS_EXPORTER" not in telemetry_environment()


def test_a_service_on_this_machine_is_given_the_time_it_drains(tmp_path: Path) -> None:
    """The lab waits as long when it takes the stack down."""
    settings = LabSettings(redis_url="redis://127.0.0.1:1/0", prometheus_url="http://127.0.0.1:1")
    folder = StackFolder(tmp_path)

    def planned_grace_s(**services: str) -> float:
        plan = Recipe(settings, services).plan(folder, lambda _: None)
        write_plan(folder.plan, plan)
        [grace_s] = {program.grace_s for program in plan.programs if program.name in SERVICES}
        return grace_s

    assert stop_timeout_s(folder) == 45.0
    assert (planned_grace_s(), stop_timeout_s(folder)) == (10.0, 45.0)
    assert (planned_grace_s(LAB_DRAIN_SECONDS="60"), stop_timeout_s(folder)) == (65.0, 90.0)


# ----------------------------------------------------------------------------------------------------------- store


@pytest.mark.parametrize(
    ("line", "facts"),
    [
        ('{"kind": "valkey", "version": "9.1.2", "durability": "durable"}', StoreFacts("valkey", "9.1.2", "durable")),
        ('{"durability": "window", "kind": "redis", "version": "7.0.15"}', StoreFacts("redis", "7.0.15", "window")),
        ("", UNKNOWN),
        ("null", UNKNOWN),
        ("[]", UNKNOWN),
        ('{"kind": "redis", "version": "7.0.15"}', UNKNOWN),
        ("bootstrap: ready", UNKNOWN),
        ("a warning of some library at the end", UNKNOWN),
    ],
)
def test_the_store_is_what_bootstrap_said_it_is(line: str, facts: StoreFacts) -> None:
    """A line of another form makes the store unknown."""
    assert store_facts(line) == facts
