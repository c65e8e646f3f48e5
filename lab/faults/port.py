"""The port of a fault injector, which breaks one thing at a time."""

from typing import Protocol

from lab.model import Fault, FaultRecord


class FaultInjector(Protocol):
    """Carries out one fault; a paused process goes on afterwards, even when the caller dies."""

    def inject(self, fault: Fault) -> FaultRecord:
        """Carry out the fault now, whatever its time, and return once it is undone.

        Returns:
            When it began and ended, in nanoseconds since the epoch, and the events that were in flight at its
            beginning. A fault without a length ends when it begins.

        Raises:
            UsageFault: There is no such kind of fault, no such program, or no pod where the fault needs pods.
            Unavailable: The process does not run, and does not come back in time.
        """
