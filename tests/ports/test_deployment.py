"""What every stack does: real processes of this machine, and the stack in memory that other tests use."""

import time

import pytest

from lab.errors import UsageFault
from lab.systems.services import SERVICES
from lab.targets.port import KeptStack
from tests.fakes.target import FakeDeployment
from tests.waiting import until

WORKER = "process-worker"


@pytest.fixture(params=["processes", "memory"])
def deployment(request: pytest.FixtureRequest) -> KeptStack:
    """Return each stack, ready."""
    if request.param == "memory":
        return FakeDeployment()
    stack: KeptStack = request.getfixturevalue("stack")
    return stack


def healthy(deployment: KeptStack) -> set[str]:
    """Return the services that report themselves well now."""
    return {status.name for status in deployment.statuses() if status.healthy}


def test_every_service_is_well_at_its_address(deployment: KeptStack) -> None:
    """The addresses are those of the statuses."""
    until(lambda: healthy(deployment) == set(SERVICES))
    endpoints = deployment.endpoints
    addresses = {endpoints.ingest, endpoints.worker, endpoints.query, endpoints.simulator}
    assert {status.address for status in deployment.statuses()} == addresses
    assert len(addresses) == len(SERVICES)
    assert deployment.within_reach == endpoints


def test_store_and_metrics_server_are_known_without_a_service(deployment: KeptStack) -> None:
    """The URLs are the same as among all addresses."""
    servers, endpoints = deployment.servers, deployment.endpoints
    assert (servers.redis_url, servers.prometheus_url) == (endpoints.redis_url, endpoints.prometheus_url)
    assert servers.redis_url.startswith("redis://")
    assert servers.prometheus_url.startswith("http://")


def test_the_store_has_a_kind_a_version_and_a_durability(deployment: KeptStack) -> None:
    """As bootstrap proved them."""
    store = deployment.store
    assert store.kind in {"valkey", "redis"}
    assert store.version[0].isdigit()
    assert store.durability in {"durable", "window", "volatile", "unknown"}


def test_bringing_up_what_is_up_changes_nothing(deployment: KeptStack) -> None:
    """The same processes run on; nothing died."""
    until(lambda: healthy(deployment) == set(SERVICES))
    before, deaths = {status.instance_id for status in deployment.statuses()}, deployment.deaths()
    deployment.bring_up()
    assert {status.instance_id for status in deployment.statuses()} == before
    assert deployment.deaths() == deaths


def test_a_killed_service_is_a_death_and_comes_back(deployment: KeptStack) -> None:
    """The death has the signal, no other service died, and the target starts the process again."""
    until(lambda: healthy(deployment) == set(SERVICES))
    before, began_ns = len(deployment.deaths()), time.time_ns()
    killed_ns = deployment.kill(WORKER)
    assert began_ns <= killed_ns <= time.time_ns()
    until(lambda: len(deployment.deaths()) > before)
    [death] = deployment.deaths()[before:]
    assert (death.service, death.signal) == (WORKER, 9)
    assert death.at_ns >= killed_ns
    until(lambda: healthy(deployment) == set(SERVICES))


def test_a_paused_service_is_not_well_until_it_goes_on(deployment: KeptStack) -> None:
    """No other service is stopped; nothing dies."""
    until(lambda: healthy(deployment) == set(SERVICES))
    deaths = deployment.deaths()
    with deployment.paused("query-api"):
        assert "query-api" not in healthy(deployment)
    until(lambda: healthy(deployment) == set(SERVICES))
    assert deployment.deaths() == deaths


def test_a_paused_service_goes_on_after_an_error(deployment: KeptStack) -> None:
    """The error is raised."""
    until(lambda: healthy(deployment) == set(SERVICES))
    with pytest.raises(ZeroDivisionError), deployment.paused("simulator"):
        raise ZeroDivisionError
    until(lambda: "simulator" in healthy(deployment))


def test_what_is_no_program_is_neither_killed_nor_paused(deployment: KeptStack) -> None:
    """The error names it; nothing dies."""
    deaths = deployment.deaths()
    with pytest.raises(UsageFault, match='no program "nobody"'):
        deployment.kill("nobody")
    with pytest.raises(UsageFault, match='no program "nobody"'), deployment.paused("nobody"):
        pytest.fail("nobody was paused")
    assert deployment.deaths() == deaths


def test_every_program_has_a_log_whose_last_lines_are_read(deployment: KeptStack) -> None:
    """As many as were requested at most; to follow a log begins with the same line."""
    assert set(SERVICES) <= set(deployment.programs())
    [line] = deployment.last_lines("simulator", 1)
    assert len(deployment.last_lines("simulator", 3)) <= 3
    assert next(iter(deployment.follow(["simulator"], 1))) == line


def test_processes_of_this_installation_need_no_proof(deployment: KeptStack) -> None:
    """Neither an identity nor a clock of another machine; the hint for missing metrics is empty."""
    assert (list(deployment.identities()), list(deployment.clocks()), deployment.metrics_hint) == ([], [], "")
