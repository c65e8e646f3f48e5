"""Trials beside each other, figure by figure, each read as the verdict reads it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NamedTuple

from lab.analysis.cpu_cost import cpu_cost
from lab.analysis.estimate import Estimate, ratio
from lab.analysis.latency import quantile_interval
from lab.analysis.ledger import close_ledger, events_double_counted, events_lost, events_refused
from lab.analysis.places import emulated_places
from lab.analysis.throughput import throughput_interval
from lab.systems.services import HANDLES_EVENTS, INGEST_API, PROCESS_WORKER

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from lab.analysis.ledger import LedgerFindings
    from lab.model import Trial

CAVEAT: Final = (
    "a comparison of two single runs: a difference may be this machine's mood; repeat both before believing it"
)
NOT_BELIEVED: Final = Estimate(None, note="not both runs may be believed")


class Figure(NamedTuple):
    """One figure of a trial: its name, its unit, and how it is read."""

    name: str
    unit: str
    read: Callable[[Trial], Estimate]


@dataclass(frozen=True, slots=True)
class ComparedFigure:
    """One figure of several trials.

    Attributes:
        name: Of the figure.
        unit: Of its values.
        values: One for each trial.
        ratios: The values of all trials but the first, each over the first trial's.
    """

    name: str
    unit: str
    values: tuple[Estimate, ...]
    ratios: tuple[Estimate, ...]


def compare(
    trials: Sequence[Trial], figures: Sequence[Figure] | None = None, *, believed_only: bool = False
) -> tuple[ComparedFigure, ...]:
    """Return figures of trials beside each other; this claims nothing about the next run.

    Args:
        trials: At least one.
        figures: Which ones; all where None.
        believed_only: Leave a ratio without a value unless both trials are valid.
    """
    first, *later = trials
    may_divide = [not believed_only or {first.validity.status, trial.validity.status} == {"VALID"} for trial in later]
    return tuple(_compared(figure, trials, may_divide) for figure in (FIGURES if figures is None else figures))


def measured_architecture(trial: Trial) -> str:
    """Return the architecture of the services that handle events; several are joined by a plus."""
    measured = [status for status in trial.evidence.statuses if status.name in HANDLES_EVENTS]
    names = sorted({status.architecture for status in measured if status.architecture})
    return trial.experiment.architecture or " + ".join(names) or "unknown"


def labels_of(trials: Sequence[Trial]) -> list[str]:
    """Return a label for each trial: its architecture where that tells them apart, else its name, else its run."""
    names: list[str] = []
    for label in (measured_architecture, _name, _run):
        names = [label(trial) for trial in trials]
        if len(set(names)) == len(names):
            break
    return names


def _name(trial: Trial) -> str:
    return trial.experiment.name


def _run(trial: Trial) -> str:
    return trial.run_id


def emulation_of(trial: Trial) -> str:
    """Return how the services that handle events were emulated; empty where they were not."""
    statuses = trial.evidence.statuses
    measured = {(status.node, status.architecture) for status in statuses if status.name in HANDLES_EVENTS}
    emulated = emulated_places(trial.evidence).items()
    return next((emulation for place, emulation in emulated if tuple(place) in measured), "")


def meets_objectives(trial: Trial) -> bool | None:
    """Return whether a trial met its objectives; None where it has no verdict, or measured an emulated processor."""
    if emulation_of(trial) or trial.verdict.status is None:
        return None
    return trial.verdict.status == "MET"


def _compared(figure: Figure, trials: Sequence[Trial], may_divide: Sequence[bool]) -> ComparedFigure:
    first, *later = values = [figure.read(trial) for trial in trials]
    ratios = (ratio(value, first) if may else NOT_BELIEVED for value, may in zip(later, may_divide, strict=True))
    return ComparedFigure(figure.name, figure.unit, tuple(values), tuple(ratios))


def _latency(quantile: float) -> Figure:
    return Figure(
        f"p{100 * quantile:g} acknowledgement",
        "ms",
        lambda trial: quantile_interval(trial.evidence.load_run.samples, quantile),
    )


def _cpu(service: str) -> Figure:
    return Figure(
        f"{service} CPU per 1,000 events",
        "ms",
        lambda trial: cpu_cost(trial.evidence.series, service, trial.evidence.load_run.window),
    )


def _ledger(name: str, read: Callable[[LedgerFindings], Estimate]) -> Figure:
    return Figure(name, "events", lambda trial: read(_closed(trial)))


def _closed(trial: Trial) -> LedgerFindings:
    evidence = trial.evidence
    return close_ledger(evidence.load_run, evidence.store, totals=evidence.totals, windows=evidence.windows)


MEASURED: Final = (
    _latency(0.5),
    _latency(0.99),
    Figure("throughput", "events/s", lambda trial: throughput_interval(trial.evidence.load_run.samples)),
    _cpu(INGEST_API),
    _cpu(PROCESS_WORKER),
)
"""Figures with an interval within the run."""
COUNTS: Final = (
    Figure("events refused", "%", lambda trial: events_refused(trial.evidence.load_run)),
    _ledger("events counted", lambda ledger: Estimate(ledger.account.counted)),
    _ledger("events lost", events_lost),
    _ledger("events counted twice", events_double_counted),
)
"""Figures of the accounts."""
FIGURES: Final = (*MEASURED, *COUNTS)
