"""A process is broken while events are in flight, and what was broken is said."""

from collections.abc import Callable

import pytest

from lab.errors import Unavailable, UsageFault
from lab.faults.injector import DeploymentFaults, Patience
from lab.model import Fault
from tests.fakes.clock import FakeClock
from tests.fakes.target import FakeDeployment

KILL = Fault("kill", "process-worker", at_s=0.0)
PAUSE = Fault("pause", "redis", at_s=0.0, seconds=30.0)
PATIENCE = Patience(traffic_s=2.0, restart_s=10.0)


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
    deployment: FakeDeployment, in_flight: Callable[[], int], clock: FakeClock | None = None
) -> DeploymentFaults:
    """Faults on a fake stack, on a clock of their own."""
    clock = clock or FakeClock()
    return DeploymentFaults(deployment, in_flight, patience=PATIENCE, clock=clock, pause=clock.pause)


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
    deployment, clock, stopped = FakeDeployment(), FakeClock(), list[list[str]]()

    def pause(seconds: float) -> None:
        stopped.append(list(deployment.done))
        clock.pause(seconds)

    record = DeploymentFaults(deployment, answers(7), clock=clock, pause=pause).inject(PAUSE)
    assert (clock.pauses, stopped) == ([30.0], [["pause redis"]])
    assert deployment.done == ["pause redis", "resume redis"]
    assert (record.kind, record.service, record.in_flight_events) == ("pause", "redis", 7)
    assert record.started_ns <= record.ended_ns


def test_events_in_flight_are_hit_without_a_wait() -> None:
    """A kill must not come later than it was asked for."""
    clock = FakeClock()
    injector(FakeDeployment(), answers(1), clock).inject(KILL)
    assert clock.pauses == []


@pytest.mark.parametrize("before", [[0, 0], [Unavailable("query-api does not answer")]])
def test_a_fault_waits_for_events_in_flight(before: list[int | Exception]) -> None:
    """One that hits nothing shows nothing; an account that does not answer is asked again."""
    clock = FakeClock()
    assert injector(FakeDeployment(), answers(*before, 5), clock).inject(KILL).in_flight_events == 5
    assert len(clock.pauses) == len(before)


@pytest.mark.parametrize("always", [0, Unavailable("query-api does not answer")])
def test_a_fault_does_not_wait_for_ever(always: int | Exception) -> None:
    """It is carried out all the same, and the record says that nothing was in flight."""
    deployment, clock = FakeDeployment(), FakeClock()
    assert injector(deployment, answers(always), clock).inject(KILL).in_flight_events == 0
    assert deployment.done == ["kill process-worker"]
    assert clock.now_s == pytest.approx(PATIENCE.traffic_s, abs=0.01)


def test_a_process_that_is_just_being_started_again_is_killed_when_it_is_back() -> None:
    """Two kills may follow one another closely."""
    deployment, clock = FakeDeployment(restarting=3), FakeClock()
    injector(deployment, answers(1), clock).inject(KILL)
    assert deployment.done == ["kill process-worker"]
    assert len(clock.pauses) == 3


def test_a_process_that_does_not_come_back_ends_the_fault() -> None:
    """By what the deployment said."""
    clock = FakeClock()
    with pytest.raises(Unavailable, match="process-worker is not running now"):
        injector(FakeDeployment(restarting=10**9), answers(1), clock).inject(KILL)
    assert clock.now_s == pytest.approx(PATIENCE.restart_s, abs=0.01)


@pytest.mark.parametrize("fault", [KILL, PAUSE])
def test_a_service_that_is_not_there_is_refused_at_once(fault: Fault) -> None:
    """No waiting would bring it."""
    deployment, clock = FakeDeployment(programs=("ingest-api",)), FakeClock()
    with pytest.raises(UsageFault, match=f'no program "{fault.service}"'):
        injector(deployment, answers(1), clock).inject(fault)
    assert (deployment.done, clock.pauses) == ([], [])
