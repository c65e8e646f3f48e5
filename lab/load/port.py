"""The port of a load generator: carries out one load run at a time."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from lab.model import Account, Load, LoadRun


@dataclass(frozen=True, slots=True)
class Progress:
    """The state of a load run; rates in events per second, latency from the intended time in milliseconds."""

    elapsed_s: float
    account: Account
    offered_rate: float
    acknowledged_rate: float
    in_flight: int
    p50_ms: float
    p99_ms: float


@dataclass(frozen=True, slots=True)
class LoadOrder:
    """The order for one load run.

    Attributes:
        run: The run that the events are accounted to.
        load: What is sent, and when.
        duration_s: Length of the load run.
        window_ns: Width of the aggregation windows; 0 means one second, or a width that fits a replayed file.
        deadline_ms: How long one batch is tried.
    """

    run: str
    load: Load
    duration_s: float
    window_ns: int = 0
    deadline_ms: int = 5_000


class LoadGenerator(Protocol):
    """Carries out one load run at a time."""

    def run(self, order: LoadOrder, on_progress: Callable[[Progress], None]) -> LoadRun:
        """Carry out a load run to its end and return its report; Ctrl-C ends the load run, not the report.

        Raises:
            LabError: The load run cannot be carried out; UsageFault and DataFault where the order is at fault.
        """
