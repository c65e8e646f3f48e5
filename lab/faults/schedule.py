"""Carries out the faults of an experiment at their times, beside the load."""

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from lab.faults.port import FaultInjector
from lab.model import Fault, FaultRecord


def due(faults: Sequence[Fault], elapsed_s: float) -> tuple[Fault, ...]:
    """Return the faults whose time has come, in the order of their times; faults of one time stay in their order.

    Args:
        faults: Faults that were not carried out yet, in any order.
        elapsed_s: Seconds since the schedule began.

    >>> faults = [Fault("kill", "redis", at_s=9.0), Fault("kill", "simulator", at_s=2.0)]
    >>> [fault.service for fault in due(faults, 2.0)]
    ['simulator']
    """
    return tuple(sorted((fault for fault in faults if fault.at_s <= elapsed_s), key=_time_of))


def seconds_until_due(faults: Sequence[Fault], elapsed_s: float) -> float:
    """Return the seconds until the next fault is due; 0.0 where a fault is due already.

    Args:
        faults: Faults that were not carried out yet, in any order; at least one.
        elapsed_s: Seconds since the schedule began.

    >>> seconds_until_due([Fault("kill", "redis", at_s=9.0), Fault("kill", "simulator", at_s=3.0)], 2.0)
    1.0
    """
    return max(0.0, min(map(_time_of, faults)) - elapsed_s)


@contextmanager
def faults_beside(
    injector: FaultInjector, faults: Sequence[Fault], *, clock: Callable[[], float] = time.monotonic
) -> Iterator[list[FaultRecord]]:
    """Inject *faults* at their offsets from now until the context ends; the list grows as they happen.

    A fault that has begun is finished before the context ends; faults that are not due by then are left out. An
    error of a fault is raised at the end; the faults after it are left out.

    Args:
        injector: Carries out each fault.
        faults: The faults, in any order.
        clock: Returns monotonic seconds.

    Raises:
        LabError: A fault could not be carried out.
    """
    schedule = _Schedule(injector, faults, clock)
    schedule.start()
    try:
        yield schedule.done
    finally:
        schedule.over.set()
        schedule.join()
    if schedule.trouble:
        raise schedule.trouble


class _Schedule(threading.Thread):
    """Waits for each fault's time and injects it."""

    def __init__(self, injector: FaultInjector, faults: Sequence[Fault], clock: Callable[[], float]) -> None:
        super().__init__(name="faults", daemon=True)
        self._injector, self._faults, self._clock = injector, faults, clock
        self._began_s = clock()
        self.done: list[FaultRecord] = []
        self.trouble: Exception | None = None
        self.over = threading.Event()

    def run(self) -> None:
        """Inject the faults in order until the load is over."""
        try:
            self._inject_each()
        except Exception as error:  # noqa: BLE001  the waiting thread raises it
            self.trouble = error

    def _inject_each(self) -> None:
        left = sorted(self._faults, key=_time_of)
        while left and not self.over.wait(seconds_until_due(left, self._elapsed_s())):
            ready = due(left, self._elapsed_s())
            for fault in ready:
                if self.over.is_set():
                    return
                self.done.append(self._injector.inject(fault))
            del left[: len(ready)]

    def _elapsed_s(self) -> float:
        return self._clock() - self._began_s


def _time_of(fault: Fault) -> float:
    return fault.at_s
