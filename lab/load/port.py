"""The port of a load generator: carries out one load run at a time."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple, Protocol

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
        deadline_ms: How long one batch is tried. A batch that is given up may be counted all the same, and leaves open
            how many events were lost.
    """

    run: str
    load: Load
    duration_s: float
    window_ns: int = 0
    deadline_ms: int = 15_000


class Stall(NamedTuple):
    """A time for which the machine stood still: its end in seconds since the epoch, its length in seconds."""

    end_s: float
    length_s: float


def ignore_file(_description: str) -> None:
    """Do nothing: nobody looks on."""


def never() -> bool:
    """Return False: nobody is in a hurry."""
    return False


class LoadGenerator(Protocol):
    """Carries out one load run at a time."""

    def run(
        self,
        order: LoadOrder,
        on_progress: Callable[[Progress], None],
        *,
        on_file: Callable[[str], None] = ignore_file,
        hurried: Callable[[], bool] = never,
    ) -> LoadRun:
        """Carry out a load run to its end and return its report.

        Args:
            order: What is sent.
            on_progress: Called with the progress, several times a second.
            on_file: Called once with what was understood of a replayed file, in one line, before the first progress.
            hurried: Returns whether the load run shall end now; asked several times a second. Ctrl-C does the same. The
                report then says that the load run was stopped.

        Raises:
            LabError: The load run cannot be carried out; UsageFault and DataFault where the order is at fault.
            KeyboardInterrupt: A second Ctrl-C; the load run is stopped, and its report is lost.
        """
