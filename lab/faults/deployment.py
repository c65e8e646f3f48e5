"""Faults on the processes and pods of a stack."""

import threading
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, suppress
from typing import Final, Protocol, runtime_checkable

from lab.errors import LabError, Unavailable, UsageFault
from lab.model import Fault, FaultRecord

TRAFFIC_PATIENCE_S: Final = 2.0
RESTART_PATIENCE_S: Final = 10.0
"""Five times what a service needs to be back on a quiet machine."""
LOOK_EVERY_S: Final = 0.005
ON_A_CLUSTER: Final = "-p target kubernetes"


class Breakable(Protocol):
    """The part of a deployment that faults need."""

    def kill(self, service: str) -> int:
        """End a process with signal 9; nanoseconds since the epoch."""

    def paused(self, service: str) -> AbstractContextManager[None]:
        """Stop a process for as long as the context lasts."""


@runtime_checkable
class Placed(Protocol):
    """A deployment whose services run in pods, on nodes of one or more architectures; an empty one means any."""

    def kill(self, service: str, architecture: str = "") -> int:
        """End the process in one pod with signal 9; nanoseconds since the epoch."""

    def paused(self, service: str, architecture: str = "") -> AbstractContextManager[None]:
        """Stop the process in one pod for as long as the context lasts."""

    def delete_pod(self, service: str, architecture: str = "") -> int:
        """Delete one pod; nanoseconds since the epoch."""

    def scaled(self, service: str, architecture: str, *, replicas: int) -> AbstractContextManager[None]:
        """Another number of pods for as long as the context lasts."""


class DeploymentFaults:
    """Breaks processes and pods of a deployment, at a moment when events are in flight if there is one within reach.

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
        if fault.kind in {"kill", "delete-pod"}:
            at_ns = self._at_once(fault)
            return FaultRecord(fault.kind, fault.service, at_ns, at_ns, events)
        with self._for_a_while(fault):
            started_ns = time.time_ns()
            threading.Event().wait(fault.seconds)
        return FaultRecord(fault.kind, fault.service, started_ns, time.time_ns(), events)

    def _for_a_while(self, fault: Fault) -> AbstractContextManager[None]:
        if fault.kind == "scale":
            return self._placed(fault).scaled(fault.service, fault.architecture, replicas=fault.replicas)
        if fault.architecture:
            return self._placed(fault).paused(fault.service, fault.architecture)
        return self._deployment.paused(fault.service)

    def _at_once(self, fault: Fault) -> int:
        """Break it, waiting a little for a process that is just being started again."""
        end, pause = time.monotonic() + self._restart_s, threading.Event()
        while True:
            try:
                if fault.kind == "delete-pod":
                    return self._placed(fault).delete_pod(fault.service, fault.architecture)
                if fault.architecture:
                    return self._placed(fault).kill(fault.service, fault.architecture)
                return self._deployment.kill(fault.service)
            except Unavailable:
                if time.monotonic() >= end:
                    raise
            pause.wait(LOOK_EVERY_S)

    def _placed(self, fault: Fault) -> Placed:
        if isinstance(self._deployment, Placed):
            return self._deployment
        raise UsageFault(f"cannot {fault.kind} {fault.service}", found="this stack has no pods", next_step=ON_A_CLUSTER)

    def _await_traffic(self) -> int:
        """Events in flight, waiting a little for the first; 0 when there are none or nobody can tell."""
        end, pause = time.monotonic() + self._traffic_s, threading.Event()
        while time.monotonic() < end:
            with suppress(LabError):
                if events := self._in_flight():
                    return events
            pause.wait(LOOK_EVERY_S)
        return 0
