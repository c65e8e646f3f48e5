"""Faults happen at their times beside a load, and end with it."""

import threading
import time

import pytest

from lab.errors import UsageFault
from lab.faults.schedule import faults_beside
from lab.model import Fault, FaultRecord

KILL = Fault("kill", "process-worker", at_s=0.0)
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


def test_nothing_is_broken_where_no_fault_is_asked_for() -> None:
    """The list stays empty."""
    with faults_beside(Injector(), ()) as done:
        pass
    assert done == []


def test_a_fault_waits_for_its_time() -> None:
    """Counted from when the context was entered."""
    injector, entered_s = Injector(), time.monotonic()
    with faults_beside(injector, [Fault("kill", "redis", at_s=0.1)]) as done:
        injector.await_faults(1)
        happened_s = time.monotonic()
    assert happened_s - entered_s >= 0.1
    assert [record.service for record in done] == ["redis"]


def test_faults_happen_in_the_order_of_their_times() -> None:
    """However they are listed."""
    injector = Injector()
    faults = [Fault("kill", "query-api", at_s=0.02), Fault("kill", "redis", at_s=0.0), Fault("kill", "simulator", 0.01)]
    with faults_beside(injector, faults) as done:
        injector.await_faults(3)
    assert [record.service for record in done] == injector.broken == ["redis", "simulator", "query-api"]


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
