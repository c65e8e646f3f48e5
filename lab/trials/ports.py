"""What a trial needs from outside: parts that wiring chooses, a record, and how long it waits."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NamedTuple, Protocol

from lab.faults.port import FaultInjector
from lab.load.port import LoadGenerator
from lab.metrics.port import LedgerSource, MetricSource
from lab.model import Endpoints, Trial, Window
from lab.snapshots.port import SnapshotSource
from lab.systems.port import System
from lab.targets.port import Deployment, Target


class Recorder(Protocol):
    """Keeps the record of one trial; the record is true at every moment."""

    @property
    def run_id(self) -> str:
        """The run's name."""

    def keep_logs(self, logs: Mapping[str, Path]) -> None:
        """Copy the logs of a stack; program → file."""

    def succeeded(self, trial: Trial, *, interrupted: bool) -> Trial:
        """Write down a trial that was judged; return it with its folder."""


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a trial waits, in seconds."""

    drain_s: float = 60.0
    """For the backlog after a load; several times longer than the entries of a dead worker stay unclaimed."""
    scrape_s: float = 5.0
    """For a scrape; Prometheus scrapes every second."""
    first_scrape_s: float = 15.0
    """For the first scrape: Prometheus reads new targets every five seconds."""
    metrics_s: float = 75.0
    """For the promised metrics after a rollout: they are pushed every second, and a minute of silence is a failure."""
    poll_every_s: float = 0.1
    """Between two polls."""


def in_no_index(_reference: str, _digest: str) -> bool:
    """Return False: no registry knows the index."""
    return False


@dataclass(frozen=True, slots=True)
class Parts:
    """The parts of a trial, as wiring chooses them.

    Attributes:
        target: Where the services run.
        system: What is measured.
        load: Load generator of a stack.
        metrics: Metrics of a stack.
        ledger: Ledger of a stack.
        faults: Injects faults into a stack; given a function that returns the events in flight.
        pauses: Watches the machine's own stalls for as long as its context lasts.
        environment: Describes this machine, this revision and a stack.
        spans: Reads the spans of a stack that fall into a window.
        is_in_index: Whether a registry says that a reference names an index that holds the image of a digest.
        snapshots: Takes snapshots of the stack that has a folder, which explain a failure; None without probes.
        failures: Folder that keeps the snapshot of the last failure.
        patience: How long the trial waits.
    """

    target: Target
    system: System
    load: Callable[[Endpoints], LoadGenerator]
    metrics: Callable[[Endpoints], MetricSource]
    ledger: Callable[[Endpoints], LedgerSource]
    faults: Callable[[Deployment, Callable[[], int]], FaultInjector]
    pauses: Callable[[], AbstractContextManager[list[tuple[float, float]]]]
    environment: Callable[[Deployment], dict[str, object]]
    spans: Callable[[Sequence[Path], Window], Sequence[dict[str, object]]]
    is_in_index: Callable[[str, str], bool] = in_no_index
    snapshots: Callable[[Path | None], SnapshotSource] | None = None
    failures: Path = Path()
    patience: Patience = Patience()


class NotebookParameters(NamedTuple):
    """The parameters of the notebook that runs a trial: as they are now, and their defaults."""

    values: Mapping[str, object]
    defaults: Mapping[str, object]


NO_NOTEBOOK: Final = NotebookParameters({}, {})
