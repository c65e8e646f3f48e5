"""The observations of a trial, before the trial is judged."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from lab.model.experiment import NANOS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from lab.model.stack import Death, NodeClock, ServiceStatus, StoreFacts


@dataclass(frozen=True, slots=True)
class Window:
    """The measured part of a trial, nanoseconds since the epoch."""

    start_ns: int
    end_ns: int

    @property
    def seconds(self) -> float:
        """The length of the window."""
        return (self.end_ns - self.start_ns) / NANOS


@dataclass(frozen=True, slots=True)
class Account:
    """Events of the load generator, by outcome (`ARCHITECTURE.md` D34); `attempts` counts calls."""

    intended: int = 0
    sent: int = 0
    acknowledged: int = 0
    unknown: int = 0
    refused: int = 0
    duplicates: int = 0
    attempts: int = 0


OUTCOMES = ("unspecified", "acknowledged", "refused", "unknown")
"""What each number in `Samples.outcome` means."""


@dataclass(frozen=True, slots=True)
class Samples:
    """One row a batch; all arrays have the same length. Times are nanoseconds after `started_ns`.

    Attributes:
        started_ns: Start of the load, nanoseconds since the epoch.
        intended_ns: When each batch was due.
        sent_ns: When it was first sent.
        completed_ns: When its outcome was known.
        events: Number of its events.
        outcome: Index into `OUTCOMES`.
        blocked_ns: How long before its send the generator waited for a free slot, since the system had not answered.
        starved_ns: How long the generator had waited for a CPU since the send before.
    """

    started_ns: int
    intended_ns: NDArray[np.int64]
    sent_ns: NDArray[np.int64]
    completed_ns: NDArray[np.int64]
    events: NDArray[np.int64]
    outcome: NDArray[np.int8]
    blocked_ns: NDArray[np.int64]
    starved_ns: NDArray[np.int64]

    def __len__(self) -> int:
        """Return the number of batches."""
        return len(self.intended_ns)


@dataclass(frozen=True, slots=True)
class Aggregate:
    """The events of one (source, kind), over a run or over one window."""

    source: str
    kind: str
    count: int
    sum_micro: int
    minimum: float
    maximum: float
    window_start_ns: int = 0


class SkippedRow(NamedTuple):
    """A row of a replayed file without a usable value."""

    line: int
    reason: str


class Refusal(NamedTuple):
    """Why events were refused for good: a reason code, how many events, and the message of the first refusal."""

    reason: str
    events: int
    message: str = ""


@dataclass(frozen=True, slots=True)
class LoadRun:
    """The report of the load generator at the end of a load run.

    Attributes:
        account: Events, by outcome.
        window: From the first intended time to the last answer.
        samples: One row a batch.
        producer_ledger: Acknowledged events per window and key; `window_start_ns` is set.
        producer_ledger_unknown: The same for events whose outcome the generator never learnt.
        window_ns: Width of the aggregation windows.
        skipped_rows: Rows of the replayed file without a usable value; `skipped` names the first hundred.
        notes: Sentences for the reader of the report.
        stopped: Whether the load was stopped before its end.
        refusals: Refused events by reason, the most frequent first.
        clock_step_ns: By how much the generator's clock was set forward meanwhile; negative where it was set back.
    """

    account: Account
    window: Window
    samples: Samples
    producer_ledger: Sequence[Aggregate] = ()
    producer_ledger_unknown: Sequence[Aggregate] = ()
    window_ns: int = NANOS
    skipped_rows: int = 0
    skipped: Sequence[SkippedRow] = ()
    notes: Sequence[str] = ()
    stopped: bool = False
    refusals: Sequence[Refusal] = ()
    clock_step_ns: int = 0


@dataclass(frozen=True, slots=True)
class Balance:
    """The store's account of a run, in events: accepted = counted + dead + backlog, the lag of the workers."""

    accepted: int = 0
    counted: int = 0
    dead: int = 0
    backlog: int = 0
    duplicates: int = 0

    @property
    def residual(self) -> int:
        """Events that are in no state; anything but 0 is a fault."""
        return self.accepted - self.counted - self.dead - self.backlog


@dataclass(frozen=True, slots=True)
class StoreView:
    """The answer of query-api about a run.

    Attributes:
        balance: The store's account of the run.
        known: Whether any event of the run was ever accepted.
        instances: Worker instance → events that it counted.
        last_commit_ns: The store's clock at the last commit; 0 before the first.
        audited_backlog: Backlog of the whole store, recomputed from the stream; None where that was not requested.
        epoch: Identity of the store.
        version: Version of the run's aggregates.
        staleness_ms: Age of the answer.
        durability: `durable`, `window`, `volatile`, `unknown`.
        degraded: Why the cache is degraded; empty where it is not.
    """

    balance: Balance
    known: bool
    instances: Mapping[str, int]
    last_commit_ns: int
    audited_backlog: int | None
    epoch: str
    version: int
    staleness_ms: int
    durability: str
    degraded: str = ""


@dataclass(frozen=True, slots=True)
class Series:
    """One metric over time: seconds since the epoch (UTC) and values, arrays of equal length."""

    name: str
    labels: Mapping[str, str]
    time_s: NDArray[np.float64]
    value: NDArray[np.float64]


class FaultRecord(NamedTuple):
    """A fault as it was carried out; `in_flight_events` were accepted and not committed at that moment."""

    kind: str
    service: str
    started_ns: int
    ended_ns: int
    in_flight_events: int = 0


class CpuUse(NamedTuple):
    """The share of all CPUs of the lab's machine that a program used while events were sent, between 0 and 1."""

    program: str
    share: float


class DurabilityLook(NamedTuple):
    """The durability class of the store at a moment, nanoseconds since the epoch."""

    at_ns: int
    durability: str


@dataclass(frozen=True, slots=True)
class Evidence:
    """Everything that a trial observed, before it is judged; a recorded run holds the same."""

    load_run: LoadRun
    store: StoreView
    totals: tuple[Aggregate, ...]
    windows: tuple[Aggregate, ...]
    series: tuple[Series, ...]
    statuses: tuple[ServiceStatus, ...]
    store_facts: StoreFacts
    deaths: tuple[Death, ...] = ()
    faults: tuple[FaultRecord, ...] = ()
    spans: tuple[Mapping[str, object], ...] = ()
    pauses_s: tuple[tuple[float, float], ...] = ()
    """Stalls of the machine itself, measured by a spin probe: (seconds since the epoch, length in seconds)."""
    cpu_uses: tuple[CpuUse, ...] = ()
    """The programs that used most of the lab's machine, the largest first."""
    clocks: tuple[NodeClock, ...] = ()
    """Clocks of the nodes that services run on; empty where there is one machine."""
    durability: tuple[DurabilityLook, ...] = ()
    """How durable the store was from the start of the load to its end, every few seconds."""
    read_ns: int = 0
    """When the lab read the ledger after draining, by its own clock; 0 where a recorded run does not say."""
