"""Carries out faults on a stack, at a moment when events are in flight."""

import time
from collections.abc import Callable
from typing import Final, NamedTuple

from lab.errors import LabError, Unavailable
from lab.faults.kinds import Breakable, Momentary, kind_of
from lab.model import Fault, FaultRecord
from lab.waiting import Polls, let_pass

POLL_S: Final = 0.005
"""Between two looks at the ledger or at a process that is being restarted; a kill must not miss a short burst."""


class Patience(NamedTuple):
    """How long a fault waits, in seconds.

    Attributes:
        traffic_s: For an event in flight.
        restart_s: For a process to kill: five times what a service needs to be back on a quiet machine.
    """

    traffic_s: float = 2.0
    restart_s: float = 10.0


USUAL: Final = Patience()


class DeploymentFaults:
    """Satisfies `FaultInjector` on one deployment.

    Args:
        deployment: The deployment to break.
        in_flight: Returns the events that are accepted and not committed now. A fault that hits no event shows
            nothing, so a fault waits a little for events in flight.
        patience: How long a fault waits for events and for a process.
        clock: Returns monotonic seconds.
        pause: Lets so many seconds pass.
    """

    def __init__(
        self,
        deployment: Breakable,
        in_flight: Callable[[], int],
        *,
        patience: Patience = USUAL,
        clock: Callable[[], float] = time.monotonic,
        pause: Callable[[float], object] = let_pass,
    ) -> None:
        self._deployment, self._in_flight, self._patience = deployment, in_flight, patience
        self._clock, self._pause = clock, pause

    def inject(self, fault: Fault) -> FaultRecord:
        """See `FaultInjector.inject`."""
        kind, events = kind_of(fault), self._await_traffic()
        if isinstance(kind, Momentary):
            at_ns = self._at_once(kind, fault)
            return FaultRecord(fault.kind, fault.service, at_ns, at_ns, events)
        with kind.inject(self._deployment, fault):
            started_ns = time.time_ns()
            self._pause(fault.seconds)
        return FaultRecord(fault.kind, fault.service, started_ns, time.time_ns(), events)

    def _at_once(self, kind: Momentary, fault: Fault) -> int:
        """Carry out a momentary fault; wait a little for a process that is just being restarted."""
        polls = self._polls(self._patience.restart_s)
        while True:
            try:
                return kind.inject(self._deployment, fault)
            except Unavailable:
                if not polls.another():
                    raise

    def _await_traffic(self) -> int:
        """Return the events in flight; wait a little for the first. 0 where none come or the ledger does not answer."""
        polls = self._polls(self._patience.traffic_s)
        while not (events := self._events()) and polls.another():
            pass
        return events

    def _events(self) -> int:
        """Return the events in flight now; 0 where the ledger does not answer."""
        try:
            return self._in_flight()
        except LabError:
            return 0

    def _polls(self, within_s: float) -> Polls:
        return Polls(within_s=within_s, every_s=POLL_S, clock=self._clock, pause=self._pause)
