"""Whether objectives were met, by how much, with an interval (`ARCHITECTURE.md` D12).

An objective is a service level objective (SLO): a bound on a measured value. The measured value is the service level
indicator (SLI), `ObjectiveResult.observed`. Another kind of objective is one more entry in `OBJECTIVES`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

import numpy as np

from lab.analysis.counters import named
from lab.analysis.estimate import WITHIN, Estimate
from lab.analysis.latency import quantile_interval, quantiles_over_time
from lab.analysis.ledger import events_double_counted, events_lost
from lab.analysis.recovery import recovery_s
from lab.analysis.throughput import throughput_interval
from lab.errors import UsageFault
from lab.model import ObjectiveResult, Series, Verdict
from services.contracts.signals import STREAM_BACKLOG

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from lab.analysis.facts import Facts
    from lab.model import Experiment, Objective, Validity

Status = Literal["MET", "NOT_MET", "INCONCLUSIVE"]

USUAL_BACKLOG_S: Final = 0.1
"""A system under load may have a tenth of a second's events in its backlog at any time."""


@dataclass(frozen=True, slots=True)
class ObjectiveKind:
    """A kind of objective.

    Attributes:
        judge: Sets an objective beside what a trial observed; gets the seed of the bootstrap, too.
        sign: Stands before the threshold, such as `<`; empty for a count, which is shown without sign and unit.
        bounds_latency: Whether the threshold bounds a quantile of acknowledgement latency, in milliseconds.
    """

    judge: Callable[[Objective, Facts, int], ObjectiveResult]
    sign: str
    bounds_latency: bool = False


def kind_of(objective: Objective) -> ObjectiveKind:
    """Return the kind of an objective.

    Raises:
        UsageFault: No kind of that name is declared.
    """
    if objective.kind not in OBJECTIVES:
        raise UsageFault(
            f"cannot judge an objective of kind {objective.kind!r}",
            found=f"there are: {', '.join(sorted(OBJECTIVES))}",
            next_step="name one of them, or declare the kind in lab.analysis.objectives.OBJECTIVES",
        )
    return OBJECTIVES[objective.kind]


def latency_objectives(experiment: Experiment) -> list[Objective]:
    """Return the objectives that bound a quantile of acknowledgement latency."""
    return [objective for objective in experiment.objectives if kind_of(objective).bounds_latency]


def judge_objectives(facts: Facts, validity: Validity, *, seed: int = 0) -> Verdict:
    """Judge every objective; a run that is not valid has results and no verdict.

    One missed objective decides. Without one, an objective that cannot be judged leaves no verdict.

    Raises:
        UsageFault: An objective is of an undeclared kind.
    """
    results = tuple(kind_of(objective).judge(objective, facts, seed) for objective in facts.experiment.objectives)
    statuses = {result.status for result in results}
    if validity.status != "VALID" or (statuses and statuses <= {"MET", "INCONCLUSIVE"} and statuses != {"MET"}):
        return Verdict(None, results)
    return Verdict("NOT_MET" if "NOT_MET" in statuses else "MET", results)


def result_of(objective: Objective, label: str, unit: str, estimate: Estimate, *, met: bool | None) -> ObjectiveResult:
    """Return an objective beside what was observed.

    Args:
        objective: The bound.
        label: Names what was measured.
        unit: Of the estimate and of the threshold.
        estimate: What was measured.
        met: Whether the objective was met; None where that cannot be said.
    """
    status: Status = "INCONCLUSIVE" if met is None else "MET" if met else "NOT_MET"
    return ObjectiveResult(
        objective, label, unit, estimate.value, estimate.low, estimate.high, status, _note(estimate, objective)
    )


def _latency(objective: Objective, facts: Facts, seed: int) -> ObjectiveResult:
    estimate = quantile_interval(facts.evidence.load_run.samples, objective.quantile, seed=seed)
    met = None if estimate.value is None else estimate.value < objective.threshold
    return result_of(objective, f"p{100 * objective.quantile:g} acknowledgement", "ms", estimate, met=met)


def _throughput(objective: Objective, facts: Facts, seed: int) -> ObjectiveResult:
    estimate = throughput_interval(facts.evidence.load_run.samples, seed=seed)
    met = None if estimate.value is None else estimate.value >= objective.threshold
    return result_of(objective, "throughput", "events/s", estimate, met=met)


def _lost(objective: Objective, facts: Facts, _seed: int) -> ObjectiveResult:
    return _counted(objective, "events lost", events_lost(facts.ledger))


def _double_counted(objective: Objective, facts: Facts, _seed: int) -> ObjectiveResult:
    return _counted(objective, "events counted twice", events_double_counted(facts.ledger))


def _counted(objective: Objective, label: str, estimate: Estimate) -> ObjectiveResult:
    met = None if estimate.value is None else estimate.value <= objective.threshold
    return result_of(objective, label, "events", estimate, met=met)


def _recovery(objective: Objective, facts: Facts, _seed: int) -> ObjectiveResult:
    estimates = _recoveries(facts)
    if not estimates:
        return result_of(objective, "recovery", "s", Estimate(None, note="no fault was carried out"), met=None)
    worst = max(estimates, key=lambda estimate: (estimate.value is None, estimate.value or 0.0))
    met = None if worst.value is None else worst.value <= objective.threshold
    if worst.value is None and worst.low is not None and worst.low > objective.threshold:
        met = False
    return result_of(objective, "recovery", "s", worst, met=met)


def _recoveries(facts: Facts) -> list[Estimate]:
    """Return the recovery from each fault: the backlog is as usual again, and latencies are within their bounds."""
    load_run = facts.evidence.load_run
    backlog = _merged(named(facts.evidence.series, STREAM_BACKLOG.prometheus_name))
    events_per_s = load_run.account.intended / load_run.window.seconds if load_run.window.seconds > 0 else 0.0
    slow = [
        Series(latency.name, latency.labels, latency.time_s, latency.value - objective.threshold)
        for objective in latency_objectives(facts.experiment)
        for latency in quantiles_over_time(load_run.samples, (objective.quantile,))
    ]
    floor = USUAL_BACKLOG_S * events_per_s
    return [recovery_s(fault, backlog, floor=floor, violations=slow) for fault in facts.evidence.faults]


def _merged(series: Sequence[Series]) -> Series:
    """Return the samples of all series by time: a process that restarts has another series."""
    time_s = np.concatenate([np.empty(0), *(part.time_s for part in series)])
    value = np.concatenate([np.empty(0), *(part.value for part in series)])
    order = np.argsort(time_s, kind="stable")
    return Series(STREAM_BACKLOG.prometheus_name, {}, time_s[order], value[order])


def _note(estimate: Estimate, objective: Objective) -> str:
    """Return the note of the estimate; a threshold inside the interval is said, too."""
    inside = (
        estimate.low is not None and estimate.high is not None and estimate.low < objective.threshold < estimate.high
    )
    return "; ".join(filter(None, (estimate.note, f"the threshold lies in the interval {WITHIN}" if inside else "")))


OBJECTIVES: Final[dict[str, ObjectiveKind]] = {
    "latency": ObjectiveKind(_latency, "<", bounds_latency=True),
    "lost": ObjectiveKind(_lost, ""),
    "double-counted": ObjectiveKind(_double_counted, ""),
    "recovery": ObjectiveKind(_recovery, "≤"),
    "throughput": ObjectiveKind(_throughput, "≥"),
}
"""Kind of an objective → how it is judged and written."""
