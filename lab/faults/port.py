"""What a fault injector can do: break one thing and say what was broken."""

from typing import Protocol

from lab.model import Fault, FaultRecord


class FaultInjector(Protocol):
    """Carries out one fault; whatever it pauses goes on afterwards, also when the caller dies."""

    def inject(self, fault: Fault) -> FaultRecord:
        """Break it now."""
