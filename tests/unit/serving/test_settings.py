"""Which variables of the environment a program accepts."""

import os

import pytest
from pydantic_settings import BaseSettings

from services.bootstrap.settings import BootstrapSettings
from services.ingest_api.settings import IngestSettings
from services.process_worker.settings import WorkerSettings
from services.query_api.settings import QuerySettings
from services.serving.settings import EX_CONFIG, ServiceFault, read_settings
from services.simulator.settings import SimulatorSettings

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
    assert fault.value.exit_code == EX_CONFIG


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
