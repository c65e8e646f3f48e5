"""The words of the lab as types: frozen values that cross module boundaries."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy as np
    from numpy.typing import NDArray

TargetName = Literal["processes", "kubernetes"]
ServiceName = Literal["ingest-api", "process-worker", "query-api", "simulator"]
SERVICES: tuple[ServiceName, ...] = ("ingest-api", "process-worker", "query-api", "simulator")
NANOS = 1_000_000_000


# ---------------------------------------------------------------------------------------------------- what is asked


@dataclass(frozen=True, slots=True)
class Constant:
    """The same rate throughout; events per second."""

    rate: float


@dataclass(frozen=True, slots=True)
class Poisson:
    """Exponential gaps between batches, at a mean rate in events per second."""

    rate: float
    seed: int = 0


@dataclass(frozen=True, slots=True)
class Step:
    """Each rate for an equal part of the duration."""

    rates: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Ramp:
    """From one rate to another, linearly."""

    from_rate: float
    to_rate: float


@dataclass(frozen=True, slots=True)
class Burst:
    """`peak_rate` for the first `burst_s` of every `period_s`, `base_rate` otherwise."""

    base_rate: float
    peak_rate: float
    period_s: float
    burst_s: float


@dataclass(frozen=True, slots=True)
class Trace:
    """The intended offset of every event from the start, in seconds."""

    offsets_s: tuple[float, ...]


Shape = Constant | Poisson | Step | Ramp | Burst | Trace


@dataclass(frozen=True, slots=True)
class Synthetic:
    """Seeded events, the same for the same seed."""

    seed: int = 0
    sources: int = 5
    kinds: int = 4


@dataclass(frozen=True, slots=True)
class Host:
    """Readings of the machine the simulator runs on."""


@dataclass(frozen=True, slots=True)
class Replay:
    """A file with its own timestamps; *speed* is a factor, `max`, or empty to fit the file into the duration."""

    path: str
    columns: str = ""
    speed: str = ""


Source = Synthetic | Host | Replay


@dataclass(frozen=True, slots=True)
class Load:
    """What is sent, and when. A replay without a rate takes its shape from the file: `shape` is then None."""

    source: Source
    shape: Shape | None
    batch_events: int = 0


@dataclass(frozen=True, slots=True)
class Objective:
    """One thing the trial must show.

    Attributes:
        kind: `latency` (a quantile of acknowledgement latency, from the intended time), `lost`, `twice`, `recovery`
            (seconds from a fault until the backlog is gone) or `throughput` (acknowledged events per second).
        threshold: `latency`: upper bound in milliseconds; `lost`, `twice`: 0; `recovery`: upper bound in seconds;
            `throughput`: lower bound in events per second.
        quantile: Only for `latency`.
    """

    kind: Literal["latency", "lost", "twice", "recovery", "throughput"]
    threshold: float
    quantile: float = 0.99


@dataclass(frozen=True, slots=True)
class Fault:
    """Something broken on purpose, *at_s* seconds into the measured window.

    `kill` ends the process with signal 9 (the target starts it again); `pause` stops it for `seconds`.
    """

    kind: Literal["kill", "pause"]
    service: ServiceName | Literal["redis"]
    at_s: float
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Experiment:
    """A question with its parameters.

    Attributes:
        name: Short name; it becomes part of the run's id.
        load: What is sent.
        objectives: What must hold.
        target: Where the services run.
        duration: Measured seconds, after warm-up.
        warm_up: Seconds of synthetic load before that, accounted to a run of its own.
        window_s: Width of the aggregation windows in seconds; 0 fits a replayed file and is one second otherwise.
        faults: What is broken during the measurement.
        settings: Settings of services that differ from their defaults, by environment name.
    """

    name: str
    load: Load
    objectives: Sequence[Objective]
    target: TargetName = "processes"
    duration: float = 20.0
    warm_up: float = 5.0
    window_s: float = 0.0
    faults: Sequence[Fault] = ()
    settings: Mapping[str, str] = field(default_factory=dict)


# ------------------------------------------------------------------------------------------------ what was observed


@dataclass(frozen=True, slots=True)
class Window:
    """The measured part of a trial, nanoseconds since the epoch."""

    start_ns: int
    end_ns: int

    @property
    def seconds(self) -> float:
        """Its length."""
        return (self.end_ns - self.start_ns) / NANOS


@dataclass(frozen=True, slots=True)
class Account:
    """Events as the generator saw them (`decisions.md` D34); `attempts` counts calls."""

    intended: int = 0
    sent: int = 0
    acknowledged: int = 0
    unknown: int = 0
    refused: int = 0
    duplicates: int = 0
    attempts: int = 0


OUTCOMES = ("unspecified", "acknowledged", "refused", "unknown")
"""Meaning of the numbers in `Samples.outcome`."""


@dataclass(frozen=True, slots=True)
class Samples:
    """One row a batch; all arrays have the same length. Times are nanoseconds after `started_ns`."""

    started_ns: int
    intended_ns: NDArray[np.int64]
    sent_ns: NDArray[np.int64]
    completed_ns: NDArray[np.int64]
    events: NDArray[np.int64]
    outcome: NDArray[np.int8]

    def __len__(self) -> int:
        """Number of batches."""
        return len(self.intended_ns)


@dataclass(frozen=True, slots=True)
class Histogram:
    """A mergeable log-linear histogram of seconds: bucket numbers, counts (`services.contracts.histogram`)."""

    bucket: tuple[int, ...]
    count: tuple[int, ...]
    minimum_s: float
    maximum_s: float
    sum_s: float


@dataclass(frozen=True, slots=True)
class Total:
    """The aggregate of one (source, kind): over a run, or over one window."""

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


@dataclass(frozen=True, slots=True)
class Played:
    """What the generator reports when it is done.

    Attributes:
        account: Events, by what became of them.
        window: First intended time to last answer.
        samples: One row a batch.
        latency: Completion minus intended time.
        service_time: Completion minus send.
        schedule_delay: Send minus intended time.
        journal: Acknowledged events per window and key; `window_start_ns` is set.
        journal_unknown: The same for events whose outcome was never learnt.
        window_ns: Width of the aggregation windows.
        skipped_rows: Rows of the replayed file without a usable value; `skipped` names the first hundred.
        notes: Things a reader should know.
        stopped: Whether it was ended before its profile was.
    """

    account: Account
    window: Window
    samples: Samples
    latency: Histogram
    service_time: Histogram
    schedule_delay: Histogram
    journal: Sequence[Total] = ()
    journal_unknown: Sequence[Total] = ()
    window_ns: int = NANOS
    skipped_rows: int = 0
    skipped: Sequence[SkippedRow] = ()
    notes: Sequence[str] = ()
    stopped: bool = False


@dataclass(frozen=True, slots=True)
class Balance:
    """The store's account of a run, in events; accepted = counted + dead + backlog."""

    accepted: int = 0
    counted: int = 0
    dead: int = 0
    backlog: int = 0
    duplicates: int = 0

    @property
    def residual(self) -> int:
        """Anything but 0 is a fault."""
        return self.accepted - self.counted - self.dead - self.backlog


@dataclass(frozen=True, slots=True)
class StoreView:
    """What query-api answers about one run.

    Attributes:
        balance: Its account.
        known: Whether any event of the run was ever accepted.
        instances: Worker instance → events it counted.
        last_commit_ns: Store's clock at the last commit, 0 before the first.
        audited_backlog: Backlog recomputed from the stream (whole store), None where not asked.
        epoch: Identity of the store.
        version: Version of the run's aggregates.
        staleness_ms: Age of the answer.
        durability: `durable`, `window`, `volatile`, `unknown`.
        degraded: Empty, or why the cache is not what it should be.
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
    """One metric over time: seconds since the epoch (UTC), values; arrays of equal length."""

    name: str
    labels: Mapping[str, str]
    time_s: NDArray[np.float64]
    value: NDArray[np.float64]


class Death(NamedTuple):
    """A process that ended without having been asked to.

    Attributes:
        service: Which one, or `redis`, `prometheus`.
        instance_id: Of the process that ended; empty where it has none.
        at_ns: When the supervisor noticed.
        signal: The signal that ended it, 0 when it exited by itself.
        exit_code: Its exit code where no signal ended it.
    """

    service: str
    instance_id: str
    at_ns: int
    signal: int
    exit_code: int


class FaultRecord(NamedTuple):
    """A fault as it was carried out; `in_flight_events` were accepted and not settled at that moment."""

    kind: str
    service: str
    started_ns: int
    ended_ns: int
    in_flight_events: int = 0


@dataclass(frozen=True, slots=True)
class Endpoints:
    """Where everything of a stack is; host:port, URLs where they say so."""

    ingest: str
    worker: str
    query: str
    simulator: str
    redis_url: str
    prometheus_url: str


@dataclass(frozen=True, slots=True)
class ServiceStatus:
    """What one service says of itself (`lab.status.v1`), and what the target knows of it."""

    name: str
    address: str
    healthy: bool
    instance_id: str = ""
    version: str = ""
    host_architecture: str = ""
    process_id: int = 0
    durability: str = ""
    config_hash: str = ""
    detail: str = ""


@dataclass(frozen=True, slots=True)
class StoreFacts:
    """The store behind a stack: `valkey` or `redis`, version, durability class."""

    kind: str
    version: str
    durability: str


# ---------------------------------------------------------------------------------------------------- what it means


class Reason(NamedTuple):
    """Why a run is not valid, or why something cannot be said: a code and one sentence."""

    code: str
    message: str


@dataclass(frozen=True, slots=True)
class Validity:
    """Whether a run may be believed at all."""

    status: Literal["VALID", "INVALID", "INCONCLUSIVE"]
    reasons: tuple[Reason, ...] = ()
    checked: tuple[str, ...] = ()
    """What was looked at and found in order, as short sentences."""


@dataclass(frozen=True, slots=True)
class ObjectiveResult:
    """An objective beside what was observed; the interval is within this run and claims nothing about the next."""

    objective: Objective
    label: str
    unit: str
    observed: float | None
    low: float | None
    high: float | None
    status: Literal["MET", "NOT_MET", "INCONCLUSIVE"]
    note: str = ""


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether all objectives were met; `status` is None where the run is not valid."""

    status: Literal["MET", "NOT_MET"] | None
    objectives: tuple[ObjectiveResult, ...]


@dataclass(frozen=True, slots=True)
class LedgerAccount:
    """The account of every event of a run, from the generator, the services and the store (`decisions.md` D34)."""

    intended: int
    sent: int
    acknowledged: int
    unknown: int
    refused: int
    accepted: int
    duplicates: int
    counted: int
    dead: int
    backlog: int
    residual: int
    lost: int
    twice: int


class Attribution(NamedTuple):
    """Events that the metrics miss (positive) or have too many of (negative), and the layer that did it.

    Attributes:
        cause: `killed-before-scrape`, `scraping-stopped`, `not-incremented`, or `unexplained`.
        instance_id: The process concerned.
        events: Ledger minus Prometheus.
        explained: False makes the run INVALID.
    """

    cause: str
    instance_id: str
    events: int
    explained: bool


@dataclass(frozen=True, slots=True)
class Comparison:
    """`worker_events_processed_total` in Prometheus beside the ledger's `counted`."""

    ledger_counted: int
    prometheus_counted: int | None
    attributions: tuple[Attribution, ...] = ()
    query: str = ""

    @property
    def difference(self) -> int | None:
        """Ledger minus Prometheus; None where Prometheus has no series."""
        return None if self.prometheus_counted is None else self.ledger_counted - self.prometheus_counted


@dataclass(frozen=True, slots=True)
class Evidence:
    """Everything a trial observed, before anybody judged it; what a recorded run holds."""

    played: Played
    store: StoreView
    totals: tuple[Total, ...]
    windows: tuple[Total, ...]
    series: tuple[Series, ...]
    statuses: tuple[ServiceStatus, ...]
    store_facts: StoreFacts
    deaths: tuple[Death, ...] = ()
    faults: tuple[FaultRecord, ...] = ()
    spans: tuple[Mapping[str, object], ...] = ()
    pauses_s: tuple[tuple[float, float], ...] = ()
    """Stalls of the machine itself as a spin probe saw them: (seconds since the epoch, length in seconds)."""


@dataclass(frozen=True, slots=True)
class Trial:
    """One execution of an experiment: what was asked, what was observed, what it means.

    `defaults` are the notebook's own values of its parameters; empty where no notebook asked.
    """

    run_id: str
    experiment: Experiment
    started_ns: int
    ended_ns: int
    evidence: Evidence
    validity: Validity
    verdict: Verdict
    ledger: LedgerAccount
    comparison: Comparison
    environment: Mapping[str, object]
    parameters: Mapping[str, object]
    defaults: Mapping[str, object] = field(default_factory=dict)
    folder: str = ""
