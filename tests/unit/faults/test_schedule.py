"""Faults happen at their times beside a load, and end with it."""

import threading
import time
from collections.abc import Callable
from itertools import chain, repeat

import pytest

from lab.errors import UsageFault
from lab.faults.schedule import due, faults_beside, seconds_until_due
from lab.model import Fault, FaultRecord

KILL = Fault("kill", "process-worker", at_s=0.0)
FAULTS = (
    Fault("pause", "query-api", at_s=5.0, seconds=1.0),
    Fault("kill", "redis", at_s=2.0),
    Fault("kill", "simulator", at_s=5.0),
)
DEADLINE_S = 10.0


class Injector:
    """Notes which service was broken, in order; satisfies `FaultInjector`."""

    def __init__(self, *, fails_at: int = -1) -> None:
        self._fails_at = fails_at
        self.broken: list[str] = []
        self.begun, self.may_end = threading.Event(), threading.Event()
        self.may_end.set()
        self.happened = threading.Semaphore(0)

    def inject(self, fault: Fault) -> FaultRecord:
        """See `FaultInjector.inject`."""
        started_ns = time.time_ns()
        self.begun.set()
        try:
            if len(self.broken) == self._fails_at:
                raise UsageFault(f"no {fault.service} here")
            assert self.may_end.wait(DEADLINE_S)
            self.broken.append(fault.service)
        finally:
            self.happened.release()
        return FaultRecord(fault.kind, fault.service, started_ns, time.time_ns())

    def await_faults(self, number: int) -> None:
        """Until so many have happened, whatever became of them."""
        for _ in range(number):
            assert self.happened.acquire(timeout=DEADLINE_S)


def leaping(to_s: float) -> Callable[[], float]:
    """Return a clock that shows 0 when the schedule begins, and this time ever after."""
    times = chain([0.0], repeat(to_s))
    return lambda: next(times)


@pytest.mark.parametrize(
    ("elapsed_s", "services", "wait_s"),
    [
        (0.0, [], 2.0),
        (1.5, [], 0.5),
        (2.0, ["redis"], 0.0),
        (4.9, ["redis"], 0.0),
        (5.0, ["redis", "query-api", "simulator"], 0.0),
        (60.0, ["redis", "query-api", "simulator"], 0.0),
    ],
)
def test_a_fault_is_due_from_its_time_on(elapsed_s: float, services: list[str], wait_s: float) -> None:
    """Earlier faults come first; faults of one time come as they are listed; a late fault is not waited for."""
    assert [fault.service for fault in due(FAULTS, elapsed_s)] == services
    assert seconds_until_due(FAULTS, elapsed_s) == wait_s


def test_of_no_faults_none_is_due() -> None:
    """At any time."""
    assert due((), 60.0) == ()


def test_nothing_is_broken_where_no_fault_is_asked_for() -> None:
    """The list stays empty."""
    with faults_beside(Injector(), ()) as done:
        pass
    assert done == []


def test_faults_happen_in_the_order_of_their_times() -> None:
    """However they are listed; the clock tells when, counted from when the context was entered."""
    injector = Injector()
    with faults_beside(injector, FAULTS, clock=leaping(5.0)) as done:
        injector.await_faults(3)
    assert [record.service for record in done] == injector.broken == ["redis", "query-api", "simulator"]


def test_a_fault_whose_time_has_not_come_is_not_carried_out() -> None:
    """Beside one that is due by the same clock."""
    injector = Injector()
    with faults_beside(injector, [Fault("kill", "simulator", at_s=3600.0), *FAULTS], clock=leaping(2.0)) as done:
        injector.await_faults(1)
    assert [record.service for record in done] == ["redis"]


def test_a_fault_that_is_not_due_any_more_is_left_out() -> None:
    """The load was over first; nobody waits for its time."""
    injector, entered_s = Injector(), time.monotonic()
    with faults_beside(injector, [KILL, Fault("kill", "redis", at_s=3600.0)]) as done:
        injector.await_faults(1)
    assert [record.service for record in done] == ["process-worker"]
    assert time.monotonic() - entered_s < DEADLINE_S


def test_a_fault_that_has_begun_is_finished() -> None:
    """Nothing stays broken after the load."""
    injector = Injector()
    injector.may_end.clear()
    with faults_beside(injector, [KILL]) as done:
        assert injector.begun.wait(DEADLINE_S)
        ending = threading.Timer(0.05, injector.may_end.set)
        ending.start()
        assert done == []
    assert [record.service for record in done] == ["process-worker"]
    ending.join()


def test_what_goes_wrong_in_a_fault_is_raised_when_the_load_is_over() -> None:
    """The load is not cut short, and no fault follows."""
    injector, load_run = Injector(fails_at=0), threading.Event()

    def play() -> None:
        with faults_beside(injector, [KILL, KILL]):
            injector.await_faults(1)
            load_run.set()

    with pytest.raises(UsageFault, match="no process-worker here"):
        play()
    assert load_run.is_set()
    assert injector.broken == []


def test_what_goes_wrong_in_the_load_is_the_news() -> None:
    """Even where a fault went wrong, too; the thread is gone then."""
    injector = Injector(fails_at=0)

    def play() -> None:
        with faults_beside(injector, [KILL]):
            injector.await_faults(1)
            raise RuntimeError("the load")

    with pytest.raises(RuntimeError, match="the load"):
        play()
    assert "faults" not in [thread.name for thread in threading.enumerate()]
