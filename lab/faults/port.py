"""What a fault injector can do: break one thing and say what was broken."""

from typing import Protocol

from lab.model import Fault, FaultRecord


class FaultInjector(Protocol):
    """Carries out one fault; a paused process goes on afterwards, even when the caller dies."""

    def inject(self, fault: Fault) -> FaultRecord:
        """Carry out the fault now; return its record."""
