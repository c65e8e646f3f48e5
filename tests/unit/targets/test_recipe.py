"""What tells one stack from another, and what is known of its store."""

import sys
from pathlib import Path

import pytest

from lab.errors import BadConfig, UsageFault
from lab.model import StoreFacts
from lab.settings import LabSettings
from lab.systems.services import SERVICES
from lab.targets.drain import DRAIN_S, LONGEST_DRAIN_S, process_grace_s
from lab.targets.processes.folder import StackFolder
from lab.targets.processes.plan import write_plan
from lab.targets.processes.recipe import Recipe, chosen_settings, config_hash, store_facts, telemetry_environment
from lab.targets.processes.stacks import stop_timeout_s
from services.serving.settings import ServiceSettings

SETTINGS = {"LAB_WORKER_COST_US": "7", "LAB_LOG_LEVEL": "info"}


@pytest.fixture
def services(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A package of services that a test may change, in place of the lab's own."""
    package = tmp_path / "services"
    (package / "worker").mkdir(parents=True)
    for name in ("__init__.py", "worker/__init__.py", "worker/loop.py", "worker/functions.lua"):
        (package / name).write_text("")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "services", raising=False)
    return package


# ------------------------------------------------------------------------------------------------------------ hash


def test_a_hash_is_short_and_the_same_for_the_same() -> None:
    """The order in which settings were given says nothing."""
    again = config_hash(dict(reversed(SETTINGS.items())))
    assert config_hash(SETTINGS) == config_hash(SETTINGS) == again
    assert len(again) == 12


@pytest.mark.parametrize(
    "other",
    [{}, SETTINGS | {"LAB_WORKER_COST_US": "8"}, SETTINGS | {"LAB_QUERY_POLL_MS": "1"}, {"LAB_WORKER_COST_US": "7"}],
)
def test_a_hash_changes_with_the_settings(other: dict[str, str]) -> None:
    """With a value, with one more, with one less."""
    assert config_hash(other) != config_hash(SETTINGS)


@pytest.mark.parametrize("name", ["OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_PROMETHEUS_PORT"])
def test_a_hash_changes_with_where_telemetry_goes(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """The user's own variables decide that."""
    before = config_hash(SETTINGS)
    monkeypatch.setenv(name, "http://127.0.0.1:4317")
    assert config_hash(SETTINGS) != before


@pytest.mark.parametrize("name", ["worker/loop.py", "worker/functions.lua", "worker/new.py"])
def test_a_hash_changes_with_the_code_of_the_services(services: Path, name: str) -> None:
    """A stack that is up runs the code of when it was started."""
    before = config_hash(SETTINGS)
    (services / name).write_text("pass")
    assert config_hash(SETTINGS) != before


@pytest.mark.parametrize("name", ["worker/README.md", "worker/loop.pyc", "../lab.py"])
def test_a_hash_does_not_change_with_other_files(services: Path, name: str) -> None:
    """What no service runs says nothing."""
    before = config_hash(SETTINGS)
    (services / name).write_text("pass")
    assert config_hash(SETTINGS) == before


def test_a_hash_does_not_change_with_variables_of_others(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where runs are kept, or who asks, is nothing to the services."""
    before = config_hash(SETTINGS)
    monkeypatch.setenv("LAB_RUNS_DIR", "elsewhere")
    monkeypatch.setenv("LAB_RUN_ID", "a-run")
    assert config_hash(SETTINGS) == before


# -------------------------------------------------------------------------------------------------------- settings


def test_what_an_experiment_asks_wins_over_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Other variables of services come from there."""
    monkeypatch.setenv("LAB_WORKER_COST_US", "1")
    monkeypatch.setenv("LAB_INGEST_CAPACITY", "2")
    chosen = chosen_settings({"LAB_WORKER_COST_US": "7"})
    assert (chosen["LAB_WORKER_COST_US"], chosen["LAB_INGEST_CAPACITY"]) == ("7", "2")


def test_a_name_that_is_no_setting_is_refused() -> None:
    """With an example of one that is."""
    with pytest.raises(UsageFault, match='"worker_cost" is not a setting of a service'):
        chosen_settings({"worker_cost": "7"})


def test_metrics_are_scraped_unless_they_are_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the user names an endpoint, the services' own choice stands."""
    assert telemetry_environment()["OTEL_METRICS_EXPORTER"] == "prometheus"
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_METRICS_ENDPOINT", "http://127.0.0.1:4317")
    assert "OTEL_METRICS_EXPORTER" not in telemetry_environment()


def test_a_service_on_this_machine_is_given_the_time_it_drains(tmp_path: Path) -> None:
    """And the lab waits for it when it takes the stack down."""
    outside = LabSettings(redis_url="redis://127.0.0.1:1/0", prometheus_url="http://127.0.0.1:1")
    folder = StackFolder(tmp_path)

    def written(**services: str) -> float:
        plan = Recipe(outside, services).plan(folder, lambda _: None)
        write_plan(folder.plan, plan)
        [grace_s] = {one.grace_s for one in plan.programs if one.name in SERVICES}
        return grace_s

    assert stop_timeout_s(folder) == 45.0
    assert (written(), stop_timeout_s(folder)) == (10.0, 45.0)
    assert (written(LAB_DRAIN_SECONDS="60"), stop_timeout_s(folder)) == (65.0, 90.0)


@pytest.mark.parametrize("said", ["soon", "-1", "61", "nan", ""])
def test_a_drain_that_no_service_takes_is_refused(said: str) -> None:
    """Before anything starts."""
    with pytest.raises(BadConfig, match="LAB_DRAIN_SECONDS"):
        process_grace_s({"LAB_DRAIN_SECONDS": said})


def test_the_drain_is_what_the_services_know() -> None:
    """Its default, and its bound."""
    assert ServiceSettings().drain_seconds == float(DRAIN_S)
    longest = next(one.le for one in ServiceSettings.model_fields["drain_seconds"].metadata if hasattr(one, "le"))
    assert longest == LONGEST_DRAIN_S


# ----------------------------------------------------------------------------------------------------------- store


@pytest.mark.parametrize(
    ("said", "facts"),
    [
        ("bootstrap: valkey 9.1.2, durable", StoreFacts("valkey", "9.1.2", "durable")),
        ("bootstrap: redis 7.0.15, window", StoreFacts("redis", "7.0.15", "window")),
        ("", StoreFacts("unknown", "", "unknown")),
        ("bootstrap: ready", StoreFacts("unknown", "", "unknown")),
        ("a warning of some library at the end", StoreFacts("unknown", "", "unknown")),
    ],
)
def test_the_store_is_what_bootstrap_said_it_is(said: str, facts: StoreFacts) -> None:
    """Nothing is made up where it said something else."""
    assert store_facts(said) == facts
