"""Declares what a trial needs from outside."""

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, NamedTuple, Protocol

from lab.faults.port import FaultInjector
from lab.interrupts import Interrupts
from lab.load.port import LoadGenerator, Stall
from lab.metrics.port import LedgerSource, MetricSource
from lab.model import CpuUse, Endpoints, Trial, Window
from lab.snapshots.port import SnapshotSource
from lab.systems.port import System
from lab.targets.port import Deployment, Target
from lab.trials.patience import Patience
from lab.waiting import let_pass


class Recorder(Protocol):
    """Keeps the record of one trial; the record is true at every moment."""

    @property
    def run_id(self) -> str:
        """The run's name."""

    @property
    def logs(self) -> Path | None:
        """The folder that keeps the logs; None where they are not kept."""

    def keep_logs(self, logs: Mapping[str, Path]) -> None:
        """Copy the logs of a stack; program → file."""

    def succeeded(self, trial: Trial, *, interrupted: bool) -> Trial:
        """Write down a trial that was judged; return it with its folder."""


class OpenFaults(Protocol):
    """Returns what injects faults into a stack."""

    def __call__(
        self,
        deployment: Deployment,
        in_flight: Callable[[], int],
        /,
        *,
        pause: Callable[[float], object] = let_pass,
    ) -> FaultInjector:
        """Return the injector.

        Args:
            deployment: The stack.
            in_flight: Returns the events that are accepted and not committed now.
            pause: Lets so many seconds pass, or fewer where the trial shall end.
        """


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
        ledger: Opens the ledger of a stack, which its caller closes.
        faults: Injects faults into a stack.
        pauses: Watches the machine's own stalls for as long as its context lasts.
        cpu_users: Names the programs that used the machine's CPUs while its context lasted.
        environment: Describes this machine, this revision and a stack.
        spans: Reads the spans of a stack that fall into a window.
        is_in_index: Whether a registry says that a reference names an index that holds the image of a digest.
        snapshots: Takes snapshots of the stack that has a folder, which explain a failure; None without probes.
        failures: Folder that keeps the snapshot of the last failure.
        patience: How long the trial waits.
        interrupts: Signals that ask the trial to end.
        clock: Returns monotonic seconds.
        now_ns: Returns nanoseconds since the epoch.
    """

    target: Target
    system: System
    load: Callable[[Endpoints], LoadGenerator]
    metrics: Callable[[Endpoints], MetricSource]
    ledger: Callable[[Endpoints], LedgerSource]
    faults: OpenFaults
    pauses: Callable[[], AbstractContextManager[list[Stall]]]
    cpu_users: Callable[[], AbstractContextManager[list[CpuUse]]]
    environment: Callable[[Deployment], dict[str, object]]
    spans: Callable[[Sequence[Path], Window], Sequence[dict[str, object]]]
    is_in_index: Callable[[str, str], bool] = in_no_index
    snapshots: Callable[[Path | None], SnapshotSource] | None = None
    failures: Path = Path()
    patience: Patience = field(default_factory=Patience)
    interrupts: Interrupts = field(default_factory=Interrupts)
    clock: Callable[[], float] = time.monotonic
    now_ns: Callable[[], int] = time.time_ns


class NotebookParameters(NamedTuple):
    """The parameters of the notebook that runs a trial: as they are now, and their defaults."""

    values: Mapping[str, object]
    defaults: Mapping[str, object]


NO_NOTEBOOK: Final = NotebookParameters({}, {})
