"""Carries out faults on a stack, at a moment when events are in flight."""

import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Final

from lab.errors import LabError, Unavailable
from lab.faults.kinds import Breakable, Momentary, kind_of
from lab.model import Fault, FaultRecord

TRAFFIC_PATIENCE_S: Final = 2.0
RESTART_PATIENCE_S: Final = 10.0
"""Five times what a service needs to be back on a quiet machine."""
POLL_S: Final = 0.005


class DeploymentFaults:
    """Satisfies `FaultInjector` on one deployment.

    Args:
        deployment: The deployment to break.
        in_flight: Returns the events that are accepted and not committed now. A fault that hits no event shows
            nothing, so a fault waits a little for events in flight.
        traffic_s: Longest wait for an event in flight.
        restart_s: Longest wait for a process to kill.
    """

    def __init__(
        self,
        deployment: Breakable,
        in_flight: Callable[[], int],
        *,
        traffic_s: float = TRAFFIC_PATIENCE_S,
        restart_s: float = RESTART_PATIENCE_S,
    ) -> None:
        self._deployment, self._in_flight = deployment, in_flight
        self._traffic_s, self._restart_s = traffic_s, restart_s

    def inject(self, fault: Fault) -> FaultRecord:
        """See `FaultInjector.inject`."""
        kind, events = kind_of(fault), self._await_traffic()
        if isinstance(kind, Momentary):
            at_ns = self._at_once(kind, fault)
            return FaultRecord(fault.kind, fault.service, at_ns, at_ns, events)
        with kind.inject(self._deployment, fault):
            started_ns = time.time_ns()
            threading.Event().wait(fault.seconds)
        return FaultRecord(fault.kind, fault.service, started_ns, time.time_ns(), events)

    def _at_once(self, kind: Momentary, fault: Fault) -> int:
        """Carry out a momentary fault; wait a little for a process that is just being restarted."""
        end, pause = time.monotonic() + self._restart_s, threading.Event()
        while True:
            try:
                return kind.inject(self._deployment, fault)
            except Unavailable:
                if time.monotonic() >= end:
                    raise
            pause.wait(POLL_S)

    def _await_traffic(self) -> int:
        """Return the events in flight; wait a little for the first. 0 where none come or the ledger does not answer."""
        end, pause = time.monotonic() + self._traffic_s, threading.Event()
        while time.monotonic() < end:
            with suppress(LabError):
                if events := self._in_flight():
                    return events
            pause.wait(POLL_S)
        return 0
