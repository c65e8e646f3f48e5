"""Faults on the processes of a stack."""

import threading
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, suppress
from typing import Final, Protocol

from lab.errors import LabError, Unavailable
from lab.model import Fault, FaultRecord

TRAFFIC_PATIENCE_S: Final = 2.0
RESTART_PATIENCE_S: Final = 10.0
"""Five times what a service needs to be back on a quiet machine."""
LOOK_EVERY_S: Final = 0.005


class Breakable(Protocol):
    """The part of a deployment that faults need."""

    def kill(self, service: str) -> int:
        """End a process with signal 9; nanoseconds since the epoch."""

    def paused(self, service: str) -> AbstractContextManager[None]:
        """Stop a process for as long as the context lasts."""


class DeploymentFaults:
    """Breaks processes of a deployment, at a moment when events are in flight if there is one within reach.

    Args:
        deployment: What is broken.
        in_flight: Events accepted and not settled, now; a fault that hits nothing shows nothing.
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
        events = self._await_traffic()
        if fault.kind == "kill":
            at_ns = self._kill(fault.service)
            return FaultRecord("kill", fault.service, at_ns, at_ns, events)
        started_ns = time.time_ns()
        with self._deployment.paused(fault.service):
            threading.Event().wait(fault.seconds)
        return FaultRecord("pause", fault.service, started_ns, time.time_ns(), events)

    def _kill(self, service: str) -> int:
        """Kill, waiting a little for a process that is just being started again."""
        end, pause = time.monotonic() + self._restart_s, threading.Event()
        while True:
            try:
                return self._deployment.kill(service)
            except Unavailable:
                if time.monotonic() >= end:
                    raise
            pause.wait(LOOK_EVERY_S)

    def _await_traffic(self) -> int:
        """Events in flight, waiting a little for the first; 0 when there are none or nobody can tell."""
        end, pause = time.monotonic() + self._traffic_s, threading.Event()
        while time.monotonic() < end:
            with suppress(LabError):
                if events := self._in_flight():
                    return events
            pause.wait(LOOK_EVERY_S)
        return 0
