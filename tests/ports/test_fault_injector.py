"""What every fault injector does: on real processes, on a stack in memory, and the injector that other tests use."""

import time
from collections.abc import Iterator

import pytest

from lab.errors import UsageFault
from lab.faults.injector import DeploymentFaults
from lab.faults.port import FaultInjector
from lab.model import NANOS, Fault
from lab.systems.services import SERVICES
from lab.targets.port import Deployment
from tests.fakes.capabilities import FakePods
from tests.fakes.target import FakeDeployment
from tests.fakes.world import FakeInjector
from tests.waiting import until

IN_FLIGHT = 7
PAUSE_S = 0.1


def in_flight() -> int:
    """Return the events in flight."""
    return IN_FLIGHT


@pytest.fixture(scope="module", autouse=True)
def _healthy_afterwards(stack: Deployment) -> Iterator[None]:
    """Wait at the end until every service that was killed is back."""
    yield
    until(lambda: {status.name for status in stack.statuses() if status.healthy} == set(SERVICES))


@pytest.fixture(params=["processes", "deployment in memory", "memory"])
def injector(request: pytest.FixtureRequest) -> FaultInjector:
    """Return each injector."""
    if request.param == "memory":
        return FakeInjector(in_flight)
    if request.param == "deployment in memory":
        return DeploymentFaults(FakeDeployment(), in_flight)
    return DeploymentFaults(request.getfixturevalue("stack"), in_flight)


def test_a_kill_is_a_moment_with_the_events_in_flight(injector: FaultInjector) -> None:
    """Its record names what was hit, and when."""
    before_ns = time.time_ns()
    record = injector.inject(Fault("kill", "process-worker", at_s=0.0))
    assert (record.kind, record.service, record.in_flight_events) == ("kill", "process-worker", IN_FLIGHT)
    assert before_ns <= record.started_ns == record.ended_ns <= time.time_ns()


def test_a_pause_lasts_as_long_as_ordered(injector: FaultInjector) -> None:
    """It is over when its record is there."""
    before_ns = time.time_ns()
    record = injector.inject(Fault("pause", "query-api", at_s=0.0, seconds=PAUSE_S))
    assert (record.kind, record.service, record.in_flight_events) == ("pause", "query-api", IN_FLIGHT)
    assert before_ns <= record.started_ns < record.ended_ns <= time.time_ns()
    assert record.ended_ns - record.started_ns >= 0.9 * PAUSE_S * NANOS


def test_two_faults_may_follow_each_other(injector: FaultInjector) -> None:
    """The second finds the process again, however soon it comes."""
    first, second = (injector.inject(Fault("kill", "simulator", at_s=0.0)) for _ in range(2))
    assert first.ended_ns < second.started_ns


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        (Fault("melt", "process-worker", at_s=0.0), 'no fault "melt"'),
        (Fault("kill", "nobody", at_s=0.0), 'no program "nobody"'),
        (Fault("pause", "nobody", at_s=0.0, seconds=PAUSE_S), 'no program "nobody"'),
        (Fault("delete-pod", "process-worker", at_s=0.0), "cannot delete-pod process-worker"),
        (Fault("scale", "process-worker", at_s=0.0, replicas=2), "cannot scale process-worker"),
        (Fault("kill", "process-worker", at_s=0.0, architecture="arm64"), "cannot kill process-worker"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_cannot_be_broken_is_refused(injector: FaultInjector, fault: Fault, message: str) -> None:
    """No such fault, no such program, no pods."""
    with pytest.raises(UsageFault, match=message):
        injector.inject(fault)


@pytest.mark.parametrize(
    ("fault", "done"),
    [
        (Fault("kill", "query-api", at_s=0.0, architecture="arm64"), ["kill query-api arm64"]),
        (Fault("delete-pod", "query-api", at_s=0.0), ["delete query-api"]),
        (Fault("delete-pod", "query-api", at_s=0.0, architecture="arm64"), ["delete query-api arm64"]),
        (
            Fault("pause", "query-api", at_s=0.0, architecture="arm64"),
            ["pause query-api arm64", "resume query-api"],
        ),
        (
            Fault("scale", "query-api", at_s=0.0, architecture="arm64", replicas=3),
            ["scale query-api arm64 to 3", "scale query-api arm64 back"],
        ),
    ],
    ids=lambda value: value.kind if isinstance(value, Fault) else "",
)
def test_pods_are_broken_where_there_are_pods(fault: Fault, done: list[str]) -> None:
    """A fault hits the pod of its architecture, and what lasts is undone."""
    pods = FakePods()
    record = DeploymentFaults(pods, in_flight).inject(fault)
    assert (record.kind, record.service) == (fault.kind, fault.service)
    assert pods.done == done
