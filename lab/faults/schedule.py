"""Carries out the faults of an experiment at their times, beside the load."""

import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from lab.faults.port import FaultInjector
from lab.model import Fault, FaultRecord


@contextmanager
def faults_beside(injector: FaultInjector, faults: Sequence[Fault]) -> Iterator[list[FaultRecord]]:
    """Inject *faults* at their offsets from now until the context ends; the list grows as they happen.

    A fault that has begun is finished before the context ends; faults that are not due by then are left out. An
    error of a fault is raised at the end.
    """
    schedule = _Schedule(injector, faults)
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

    def __init__(self, injector: FaultInjector, faults: Sequence[Fault]) -> None:
        super().__init__(name="faults", daemon=True)
        self._injector = injector
        self._faults = sorted(faults, key=lambda fault: fault.at_s)
        self._began_s = time.monotonic()
        self.done: list[FaultRecord] = []
        self.trouble: Exception | None = None
        self.over = threading.Event()

    def run(self) -> None:
        """Inject the faults in order until the load is over."""
        try:
            for fault in self._faults:
                if self.over.wait(max(0.0, self._began_s + fault.at_s - time.monotonic())):
                    return
                self.done.append(self._injector.inject(fault))
        except Exception as error:  # noqa: BLE001  the waiting thread raises it
            self.trouble = error
