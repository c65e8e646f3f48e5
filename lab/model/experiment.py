"""What a question requests: load, faults, objectives, target."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

NANOS = 1_000_000_000


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
    """An objective (SLO): what a trial must show.

    Attributes:
        kind: A key of `lab.analysis.objectives.OBJECTIVES`: `latency` (a quantile of acknowledgement latency, from the
            intended time), `lost`, `double-counted`, `recovery` (seconds from a fault until the backlog is gone),
            `throughput` (acknowledged events per second), `refused` (share of events that were refused for good),
            `keeps-up` (share of acknowledged events that were counted while events were sent) and others that are
            declared there.
        threshold: `latency`: upper bound in milliseconds; `lost`, `double-counted`: 0; `recovery`: upper bound in
            seconds; `throughput`: lower bound in events per second; `refused`: upper bound in percent; `keeps-up`:
            lower bound in percent.
        quantile: Only for `latency`.
    """

    kind: str
    threshold: float
    quantile: float = 0.99


@dataclass(frozen=True, slots=True)
class Fault:
    """Something broken on purpose, *at_s* seconds into the measured window.

    `kill` ends a process with signal 9 (the target starts it again); `pause` stops a process for `seconds`. Only on a
    cluster, `delete-pod` deletes a pod (its Deployment makes another), and `scale` gives a Deployment another number of
    pods for `seconds`. On a cluster, the first ready pod by name is hit.

    Attributes:
        kind: Kind of the fault; a key of `lab.faults.kinds.FAULTS`.
        service: The service that is hit.
        at_s: When, in seconds after the window's start.
        seconds: How long; 0 for a fault without a length.
        architecture: Architecture of the pod or the Deployment; empty for any.
        replicas: Number of pods while the Deployment is scaled.
    """

    kind: str
    service: str
    at_s: float
    seconds: float = 0.0
    architecture: str = ""
    replicas: int = 0


@dataclass(frozen=True, slots=True)
class Experiment:
    """A question with its parameters.

    Attributes:
        name: Short name; it becomes part of the run's id.
        load: What is sent.
        objectives: What must hold.
        target: Where the services run; a key of `lab.wiring.TARGETS`.
        duration: Measured seconds, after warm-up.
        warm_up: Seconds of synthetic load before that, accounted to a run of its own.
        window_s: Width of the aggregation windows in seconds; 0 means one second, or a width that fits a replayed file.
        faults: Faults during the measurement.
        settings: Settings of services that differ from their defaults, by environment name.
        architecture: Architecture that ingest-api and process-worker run on, such as `arm64`; empty for all that the
            target has.
    """

    name: str
    load: Load
    objectives: Sequence[Objective]
    target: str = "processes"
    duration: float = 20.0
    warm_up: float = 5.0
    window_s: float = 0.0
    faults: Sequence[Fault] = ()
    settings: Mapping[str, str] = field(default_factory=dict)
    architecture: str = ""
