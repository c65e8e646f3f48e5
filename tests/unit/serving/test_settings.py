"""Which variables of the environment a program accepts."""

import os

import pytest
from pydantic_settings import BaseSettings

from services.bootstrap.settings import BootstrapSettings
from services.ingest_api.settings import IngestSettings
from services.process_worker.settings import WorkerSettings
from services.query_api.settings import QuerySettings
from services.serving.settings import LAB_ITSELF, ServiceFault, read_settings
from services.simulator.settings import SimulatorSettings
from services.telemetry.settings import TelemetrySettings

PROGRAMS: list[type[BaseSettings]] = [
    BootstrapSettings,
    IngestSettings,
    QuerySettings,
    SimulatorSettings,
    WorkerSettings,
]


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """Remove our variables, and return what sets them for a test."""
    for name in [name for name in os.environ if name.startswith("LAB_")]:  # noqa: TID251  a test of what is read there
        monkeypatch.delenv(name)
    return monkeypatch


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda program: program.__name__)
def test_a_variable_that_is_no_setting_is_refused(program: type[BaseSettings], environment: pytest.MonkeyPatch) -> None:
    """With exit code 78, and the setting that was probably meant."""
    environment.setenv("LAB_LOG_LEVLE", "DEBUG")
    with pytest.raises(ServiceFault, match=r"LAB_LOG_LEVLE is not a setting; did you mean LAB_LOG_LEVEL\?") as fault:
        read_settings(program)
    assert fault.value.exit_code == os.EX_CONFIG


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda program: program.__name__)
def test_the_variables_of_the_other_programs_are_let_pass(
    program: type[BaseSettings], environment: pytest.MonkeyPatch
) -> None:
    """All programs of a stack get the same environment."""
    given = {
        "bind": "127.0.0.1:0",
        "bootstrap_wait_s": 3,
        "ingest_backlog_limit": 10,
        "log_level": "DEBUG",
        "require_durability": "durable",
        "store_namespace": "lab-2",
        "worker_cost_us": 5,
    }
    for name, value in given.items():
        environment.setenv(f"LAB_{name.upper()}", str(value))
    settings = read_settings(program).model_dump()
    own = given.keys() & settings.keys()
    assert own
    assert {name: settings[name] for name in own} == {name: given[name] for name in own}


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("LAB_BOOTSTRAP_WAITS", "LAB_BOOTSTRAP_WAIT_S"),
        ("LAB_REDIS_ULR", "LAB_REDIS_URL"),
        ("LAB_REQUIRE_DURABLE", "LAB_REQUIRE_DURABILITY"),
    ],
)
def test_a_misspelt_setting_of_bootstrap_is_refused(name: str, meant: str, environment: pytest.MonkeyPatch) -> None:
    """A setting that is silently ignored would let an unfit store pass."""
    environment.setenv(name, "1")
    with pytest.raises(ServiceFault, match=rf"{name} is not a setting; did you mean {meant}\?"):
        read_settings(BootstrapSettings)


def test_a_name_that_is_no_misspelling_is_answered_with_the_names_of_its_family(
    environment: pytest.MonkeyPatch,
) -> None:
    """Names of a family begin alike; what follows is compared, so that no other setting is suggested."""
    environment.setenv("LAB_WORKER_COUNT", "2")
    with pytest.raises(ServiceFault, match=r"LAB_WORKER_COUNT is not a setting; there are: .*COST_US") as fault:
        read_settings(WorkerSettings)
    assert "did you mean" not in str(fault.value)


def test_a_variable_of_the_lab_is_let_pass_by_its_whole_name(environment: pytest.MonkeyPatch) -> None:
    """A misspelt variable of the lab is as much a fault as any other."""
    for name in LAB_ITSELF:
        environment.setenv(name, "1")
    read_settings(SimulatorSettings)

    environment.setenv("LAB_RUNX", "1")
    with pytest.raises(ServiceFault, match="LAB_RUNX is not a setting"):
        read_settings(SimulatorSettings)


def test_a_bad_variable_of_opentelemetry_is_named(environment: pytest.MonkeyPatch) -> None:
    """With exit code 78, as ours are. The standard has many more variables than these settings, which are let pass."""
    environment.setenv("OTEL_EXPORTER_PROMETHEUS_PORT", "no-port")
    environment.setenv("OTEL_SDK_DISABLED", "perhaps")
    environment.setenv("OTEL_BSP_SCHEDULE_DELAY", "1000")
    with pytest.raises(ServiceFault, match="OTEL_EXPORTER_PROMETHEUS_PORT: ") as fault:
        read_settings(TelemetrySettings)
    assert fault.value.exit_code == os.EX_CONFIG
    assert "OTEL_SDK_DISABLED: " in str(fault.value)
    assert "OTEL_BSP" not in str(fault.value)
