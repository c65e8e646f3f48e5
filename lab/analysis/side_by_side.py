"""The same load on one architecture after the other: figures with intervals, and whether each keeps up."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from lab.analysis.breakdown import ACCEPTED, COUNTED, cpu_cost
from lab.analysis.estimate import Estimate, ratio
from lab.analysis.latency import quantile_interval
from lab.analysis.places import emulated_places
from lab.analysis.throughput import throughput_interval
from lab.systems.services import HANDLES_EVENTS

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from lab.model import Trial

INCOMPARABLE: Final = Estimate(None, note="not both runs may be believed")
Figure = tuple[str, str, "Callable[[Trial], Estimate]"]


@dataclass(frozen=True, slots=True)
class Compared:
    """One figure on every architecture.

    Attributes:
        name: Of the figure.
        unit: Of its values.
        values: One for each trial.
        ratios: Over the first trial's; without a value where not both may be believed.
    """

    name: str
    unit: str
    values: tuple[Estimate, ...]
    ratios: tuple[Estimate, ...]


def side_by_side(trials: Sequence[Trial]) -> tuple[Compared, ...]:
    """Every figure of trials that differ in their architecture alone."""
    believed = [trial.validity.status == "VALID" for trial in trials]
    return tuple(_compared(name, unit, [read(trial) for trial in trials], believed) for name, unit, read in FIGURES)


def architecture_of(trial: Trial) -> str:
    """What the services that handle events ran on; several with a plus between them."""
    statuses = [one for one in trial.evidence.statuses if one.name in HANDLES_EVENTS]
    said = sorted({one.architecture for one in statuses if one.architecture})
    return trial.experiment.architecture or " + ".join(said) or "unknown"


def emulation_of(trial: Trial) -> str:
    """How the services that handle events were emulated; empty where they were not."""
    evidence = trial.evidence
    here = {(one.node, one.architecture) for one in evidence.statuses if one.name in HANDLES_EVENTS}
    return next((how for place, how in emulated_places(evidence).items() if tuple(place) in here), "")


def keeps_up(trial: Trial) -> bool | None:
    """Whether an architecture met its objectives at this load; None where nobody can say."""
    if emulation_of(trial) or trial.verdict.status is None:
        return None
    return trial.verdict.status == "MET"


def _compared(name: str, unit: str, values: Sequence[Estimate], believed: Sequence[bool]) -> Compared:
    comparable = [believed[0] and one for one in believed]
    ratios = (ratio(value, values[0]) if may else INCOMPARABLE for value, may in zip(values, comparable, strict=True))
    return Compared(name, unit, tuple(values), tuple(ratios))


def _cpu(counter: str) -> Callable[[Trial], Estimate]:
    return lambda trial: cpu_cost(trial.evidence.series, counter, trial.evidence.load_run.window)


def _latency(quantile: float) -> Callable[[Trial], Estimate]:
    return lambda trial: quantile_interval(trial.evidence.load_run.samples, quantile)


FIGURES: Final[tuple[Figure, ...]] = (
    ("p50 acknowledgement", "ms", _latency(0.5)),
    ("p99 acknowledgement", "ms", _latency(0.99)),
    ("throughput", "events/s", lambda trial: throughput_interval(trial.evidence.load_run.samples)),
    ("ingest-api CPU per 1,000 events", "ms", _cpu(ACCEPTED)),
    ("process-worker CPU per 1,000 events", "ms", _cpu(COUNTED)),
)
