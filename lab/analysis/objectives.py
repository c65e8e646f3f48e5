"""Whether objectives were met, by how much, with an interval (`ARCHITECTURE.md` D12)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal

import numpy as np

from lab.analysis.estimate import WITHIN, Estimate
from lab.analysis.latency import quantile_interval, quantiles_over_time
from lab.analysis.recovery import recovery_s
from lab.analysis.throughput import throughput_interval
from lab.model import ObjectiveResult, Series, Verdict
from services.contracts.signals import STREAM_BACKLOG

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from lab.analysis.facts import Facts
    from lab.model import Objective, Validity

Status = Literal["MET", "NOT_MET", "INCONCLUSIVE"]

USUAL_BACKLOG_S: Final = 0.1
"""A backlog of a tenth of a second's load is what a look at a running system may find."""


def judge_objectives(facts: Facts, validity: Validity, *, seed: int = 0) -> Verdict:
    """Every objective beside what was observed; no verdict for a run that is not valid.

    One objective that was missed decides; without one, an objective about which nothing can be said leaves no verdict.
    """
    results = tuple(_JUDGES[objective.kind](objective, facts, seed) for objective in facts.experiment.objectives)
    statuses = {result.status for result in results}
    if validity.status != "VALID" or (statuses and statuses <= {"MET", "INCONCLUSIVE"} and statuses != {"MET"}):
        return Verdict(None, results)
    return Verdict("NOT_MET" if "NOT_MET" in statuses else "MET", results)


def _latency(objective: Objective, facts: Facts, seed: int) -> ObjectiveResult:
    estimate = quantile_interval(facts.evidence.load_run.samples, objective.quantile, seed=seed)
    label = f"p{100 * objective.quantile:g} acknowledgement"
    return _result(objective, label, "ms", estimate, met=_less_than(estimate, objective.threshold))


def _throughput(objective: Objective, facts: Facts, seed: int) -> ObjectiveResult:
    estimate = throughput_interval(facts.evidence.load_run.samples, seed=seed)
    met = None if estimate.value is None else estimate.value >= objective.threshold
    return _result(objective, "throughput", "events/s", estimate, met=met)


def _lost(objective: Objective, facts: Facts, _seed: int) -> ObjectiveResult:
    account, at_most = facts.ledger.account, facts.ledger.lost_at_most
    note = f"of {account.acknowledged:,} acknowledged"
    if at_most == account.lost:
        return _counted(objective, "events lost", Estimate(account.lost, note=note), facts)
    note += f"; at most {at_most:,}, had all {account.unknown:,} unknown events been accepted"
    return _counted(objective, "events lost", Estimate(account.lost, account.lost, at_most, note), facts)


def _double_counted(objective: Objective, facts: Facts, _seed: int) -> ObjectiveResult:
    account = facts.ledger.account
    estimate = Estimate(account.double_counted, note=f"of {account.counted:,} counted")
    return _counted(objective, "events counted twice", estimate, facts)


def _counted(objective: Objective, label: str, estimate: Estimate, facts: Facts) -> ObjectiveResult:
    if estimate.value is None or not facts.evidence.load_run.producer_ledger:
        return _result(objective, label, "events", Estimate(None, note="the generator left no journal"), met=None)
    return _result(objective, label, "events", estimate, met=estimate.value <= objective.threshold)


def _recovery(objective: Objective, facts: Facts, _seed: int) -> ObjectiveResult:
    estimates = _recoveries(facts)
    if not estimates:
        return _result(objective, "recovery", "s", Estimate(None, note="no fault was carried out"), met=None)
    worst = max(estimates, key=lambda estimate: (estimate.value is None, estimate.value or 0.0))
    met = None if worst.value is None else worst.value <= objective.threshold
    if worst.value is None and worst.low is not None and worst.low > objective.threshold:
        met = False
    return _result(objective, "recovery", "s", worst, met=met)


def _recoveries(facts: Facts) -> list[Estimate]:
    load_run = facts.evidence.load_run
    backlog = _merged([one for one in facts.evidence.series if one.name == STREAM_BACKLOG.prometheus_name])
    rate = load_run.account.intended / load_run.window.seconds if load_run.window.seconds > 0 else 0.0
    slow = [
        Series(one.name, one.labels, one.time_s, one.value - objective.threshold)
        for objective in facts.experiment.objectives
        if objective.kind == "latency"
        for one in quantiles_over_time(load_run.samples, (objective.quantile,))
    ]
    return [recovery_s(fault, backlog, floor=USUAL_BACKLOG_S * rate, others=slow) for fault in facts.evidence.faults]


def _merged(series: Sequence[Series]) -> Series:
    """One series of all, by time: a restarted process is another instance."""
    time_s = np.concatenate([np.empty(0), *(one.time_s for one in series)])
    value = np.concatenate([np.empty(0), *(one.value for one in series)])
    order = np.argsort(time_s, kind="stable")
    return Series(STREAM_BACKLOG.prometheus_name, {}, time_s[order], value[order])


def _less_than(estimate: Estimate, threshold: float) -> bool | None:
    return None if estimate.value is None else estimate.value < threshold


def _result(objective: Objective, label: str, unit: str, estimate: Estimate, *, met: bool | None) -> ObjectiveResult:
    status: Status = "INCONCLUSIVE" if met is None else "MET" if met else "NOT_MET"
    return ObjectiveResult(
        objective, label, unit, estimate.value, estimate.low, estimate.high, status, _note(estimate, objective)
    )


def _note(estimate: Estimate, objective: Objective) -> str:
    """What to know beside the figure; an interval that holds the threshold says that another mixture could decide."""
    holds = (
        estimate.low is not None and estimate.high is not None and estimate.low < objective.threshold < estimate.high
    )
    return "; ".join(filter(None, (estimate.note, f"the threshold lies in the interval {WITHIN}" if holds else "")))


_JUDGES: Final[dict[str, Callable[[Objective, Facts, int], ObjectiveResult]]] = {
    "latency": _latency,
    "lost": _lost,
    "double-counted": _double_counted,
    "recovery": _recovery,
    "throughput": _throughput,
}
