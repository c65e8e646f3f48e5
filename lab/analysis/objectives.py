"""Whether objectives were met, by how much, with an interval (`ARCHITECTURE.md` D12).

An objective is a service level objective (SLO): a bound on a measured value. The measured value is the service level
indicator (SLI), `ObjectiveResult.observed`. Another kind of objective is one more entry in `OBJECTIVES`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

from lab.analysis.estimate import WITHIN, Estimate
from lab.analysis.lag import USUAL_BACKLOG_S, Lag, backlog_of, lag_of
from lab.analysis.latency import ACKNOWLEDGED, quantile_interval, quantiles_over_time
from lab.analysis.ledger import events_double_counted, events_lost, events_refused
from lab.analysis.recovery import recovery_s
from lab.analysis.throughput import throughput_interval
from lab.errors import UsageFault
from lab.model import Objective, ObjectiveResult, Series, Verdict

if TYPE_CHECKING:
    from collections.abc import Callable

    from lab.analysis.facts import Facts
    from lab.model import Evidence, Experiment, Validity

REFUSED: Final = "refused"
KEEPS_UP: Final = "keeps-up"
Status = Literal["MET", "NOT_MET", "INCONCLUSIVE"]


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

    One missed objective decides. Without one, an objective that cannot be judged leaves no verdict. Refused events are
    judged even if no objective bounds them: their bound is then 0.

    Raises:
        UsageFault: An objective is of an undeclared kind.
    """
    objectives = (*facts.experiment.objectives, *_implied(facts))
    results = tuple(kind_of(objective).judge(objective, facts, seed) for objective in objectives)
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


def _implied(facts: Facts) -> tuple[Objective, ...]:
    """Return the bound on refused events that holds where nobody states one, if any event was refused."""
    stated = any(objective.kind == REFUSED for objective in facts.experiment.objectives)
    return () if stated or not facts.evidence.load_run.account.refused else (Objective(REFUSED, 0.0),)


def _latency(objective: Objective, facts: Facts, seed: int) -> ObjectiveResult:
    samples = facts.evidence.load_run.samples
    estimate = quantile_interval(samples, objective.quantile, seed=seed)
    met = None if estimate.value is None else estimate.value < objective.threshold
    if len(samples) and not (samples.outcome == ACKNOWLEDGED).any():
        met = False
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
    """Judge a count; an interval that reaches across the threshold cannot be judged."""
    low = estimate.value if estimate.low is None else estimate.low
    high = estimate.value if estimate.high is None else estimate.high
    met = None
    if low is not None and low > objective.threshold:
        met = False
    elif high is not None and high <= objective.threshold:
        met = True
    return result_of(objective, label, "events", estimate, met=met)


def _refused(objective: Objective, facts: Facts, _seed: int) -> ObjectiveResult:
    estimate = events_refused(facts.evidence.load_run)
    met = None if estimate.value is None else estimate.value <= objective.threshold
    return result_of(objective, "events refused", "%", estimate, met=met)


def _keeps_up(objective: Objective, facts: Facts, _seed: int) -> ObjectiveResult:
    label, lag = "counted while sent", lag_during(facts.evidence)
    if lag is None:
        few = "the backlog was looked at too rarely while events were sent"
        return result_of(objective, label, "%", Estimate(None, note=few), met=None)
    grew = f"the lag grew by {lag.trend:,.0f} events/s"
    estimate = Estimate(100 * max(0.0, min(1.0, lag.counted_share)), note=grew, samples=lag.looks)
    return result_of(objective, label, "%", estimate, met=lag.keeps_up(objective.threshold / 100))


def lag_during(evidence: Evidence) -> Lag | None:
    """Return the lag of a trial while events were sent; None where it was looked at too rarely."""
    return lag_of(evidence.load_run.samples, backlog_of(evidence.series))


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
    backlog = backlog_of(facts.evidence.series)
    events_per_s = load_run.account.intended / load_run.window.seconds if load_run.window.seconds > 0 else 0.0
    slow = [
        Series(latency.name, latency.labels, latency.time_s, latency.value - objective.threshold)
        for objective in latency_objectives(facts.experiment)
        for latency in quantiles_over_time(load_run.samples, (objective.quantile,))
    ]
    floor = USUAL_BACKLOG_S * events_per_s
    faults = facts.evidence.faults
    first_ns = min((fault.started_ns for fault in faults), default=0)
    return [recovery_s(fault, backlog, quiet_until_ns=first_ns, floor=floor, violations=slow) for fault in faults]


def _note(estimate: Estimate, objective: Objective) -> str:
    """Return the note of the estimate, and whether the threshold lies inside the interval."""
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
    REFUSED: ObjectiveKind(_refused, "≤"),
    KEEPS_UP: ObjectiveKind(_keeps_up, "≥"),
}
"""Kind of an objective → how it is judged and written."""
