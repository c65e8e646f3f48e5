"""What a load generator can do: play a load, stop it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from lab.model import Account, Load, LoadRun


@dataclass(frozen=True, slots=True)
class Progress:
    """A look at a load under way; rates in events per second, latency from the intended time in milliseconds."""

    elapsed_s: float
    account: Account
    offered_rate: float
    acknowledged_rate: float
    in_flight: int
    p50_ms: float
    p99_ms: float


@dataclass(frozen=True, slots=True)
class LoadOrder:
    """One load to be played: the run it is accounted to, what, how long, in windows of what width (0: fit or 1 s)."""

    run: str
    load: Load
    duration_s: float
    window_ns: int = 0
    deadline_ms: int = 5_000


class LoadGenerator(Protocol):
    """Plays one load at a time."""

    def run(self, order: LoadOrder, on_progress: Callable[[Progress], None]) -> LoadRun:
        """Play to the end and report; raises LabError (UsageFault, DataFault) for a load that cannot be played."""

    def stop(self) -> None:
        """End the load that is playing; its `play` then returns what happened so far."""
