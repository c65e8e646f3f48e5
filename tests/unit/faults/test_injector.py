"""A process is broken while events are in flight, and what was broken is said."""

import time
from collections.abc import Callable

import pytest

from lab.errors import Unavailable, UsageFault
from lab.faults.injector import DeploymentFaults
from lab.model import NANOS, Fault
from tests.fakes.target import FakeDeployment

KILL = Fault("kill", "process-worker", at_s=0.0)
PAUSE = Fault("pause", "redis", at_s=0.0, seconds=0.05)
PATIENT_S = 20.0
HASTY_S = 0.03


def answers(*events: int | Exception) -> Callable[[], int]:
    """One answer after the other to how many events are in flight; the last one stays."""
    left = list(events)

    def in_flight() -> int:
        answer = left.pop(0) if len(left) > 1 else left[0]
        if isinstance(answer, Exception):
            raise answer
        return answer

    return in_flight


def injector(
    deployment: FakeDeployment,
    in_flight: Callable[[], int],
    *,
    traffic_s: float = PATIENT_S,
    restart_s: float = PATIENT_S,
) -> DeploymentFaults:
    """Faults on a fake stack."""
    return DeploymentFaults(deployment, in_flight, traffic_s=traffic_s, restart_s=restart_s)


def test_a_kill_is_dated_by_the_deployment() -> None:
    """It has no length."""
    deployment = FakeDeployment()
    record = injector(deployment, answers(7)).inject(KILL)
    [death] = deployment.deaths()
    assert deployment.done == ["kill process-worker"]
    assert (record.kind, record.service, record.in_flight_events) == ("kill", "process-worker", 7)
    assert record.started_ns == record.ended_ns == death.at_ns


def test_a_pause_lasts_as_long_as_was_asked() -> None:
    """The process goes on afterwards."""
    deployment, before_ns = FakeDeployment(), time.time_ns()
    record = injector(deployment, answers(7)).inject(PAUSE)
    assert deployment.done == ["pause redis", "resume redis"]
    assert (record.kind, record.service, record.in_flight_events) == ("pause", "redis", 7)
    assert before_ns <= record.started_ns < record.ended_ns <= time.time_ns()
    assert record.ended_ns - record.started_ns >= 0.04 * NANOS


@pytest.mark.parametrize("before", [[0, 0], [Unavailable("query-api does not answer")]])
def test_a_fault_waits_for_events_in_flight(before: list[int | Exception]) -> None:
    """One that hits nothing shows nothing; an account that does not answer is asked again."""
    assert injector(FakeDeployment(), answers(*before, 5)).inject(KILL).in_flight_events == 5


@pytest.mark.parametrize("always", [0, Unavailable("query-api does not answer")])
def test_a_fault_does_not_wait_for_ever(always: int | Exception) -> None:
    """It is carried out all the same, and the record says that nothing was in flight."""
    deployment = FakeDeployment()
    assert injector(deployment, answers(always), traffic_s=HASTY_S).inject(KILL).in_flight_events == 0
    assert deployment.done == ["kill process-worker"]


def test_a_process_that_is_just_being_started_again_is_killed_when_it_is_back() -> None:
    """Two kills may follow one another closely."""
    deployment = FakeDeployment(restarting=3)
    injector(deployment, answers(1)).inject(KILL)
    assert deployment.done == ["kill process-worker"]


def test_a_process_that_does_not_come_back_ends_the_fault() -> None:
    """By what the deployment said."""
    with pytest.raises(Unavailable, match="process-worker is not running now"):
        injector(FakeDeployment(restarting=10**9), answers(1), restart_s=HASTY_S).inject(KILL)


@pytest.mark.parametrize("fault", [KILL, PAUSE])
def test_a_service_that_is_not_there_is_refused_at_once(fault: Fault) -> None:
    """No waiting would bring it."""
    deployment = FakeDeployment(programs=("ingest-api",))
    with pytest.raises(UsageFault, match=f'no program "{fault.service}"'):
        injector(deployment, answers(1)).inject(fault)
    assert deployment.done == []
