"""From what was asked, with what was observed, to what it means: the whole pipeline, pure."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final, NamedTuple

from lab.analysis.agreement import compare
from lab.analysis.facts import Facts
from lab.analysis.ledger import close_ledger
from lab.analysis.objectives import judge_objectives
from lab.analysis.validity import assess
from lab.model import NANOS, Comparison, LedgerAccount, Reason, Validity, Verdict, Window

if TYPE_CHECKING:
    from lab.model import Evidence, Experiment

ROUNDING_NS: Final = 1_000


class Judgement(NamedTuple):
    """What a trial means: four answers, kept apart."""

    validity: Validity
    verdict: Verdict
    ledger: LedgerAccount
    comparison: Comparison


def judge(experiment: Experiment, evidence: Evidence, *, missing: tuple[Reason, ...] = (), seed: int = 0) -> Judgement:
    """Judge a trial; the same evidence always gives the same judgement.

    Args:
        experiment: What was asked.
        evidence: What was observed.
        missing: What could not be collected, for example a metric without series; it makes the run INCONCLUSIVE.
        seed: Of the bootstrap intervals.
    """
    ledger = close_ledger(evidence.played, evidence.store, totals=evidence.totals, windows=evidence.windows)
    comparison = compare(evidence.store, evidence.series, deaths=evidence.deaths, window=_settled_window(evidence))
    facts = Facts(experiment, evidence, ledger, comparison)
    validity = assess(facts, missing=missing)
    verdict = judge_objectives(facts, validity, seed=seed)
    return Judgement(_with_inconclusive(validity, verdict), verdict, ledger.account, comparison)


def _settled_window(evidence: Evidence) -> Window:
    """From the first intended time to the last sample that was collected, which comes after settling.

    The sample must lie within, whatever the double of its time loses when it becomes an integer: 240 ns at most.
    """
    last_s = max((float(one.time_s[-1]) for one in evidence.series if len(one.time_s)), default=0.0)
    window = evidence.played.window
    return Window(window.start_ns, max(window.end_ns, round(last_s * NANOS) + ROUNDING_NS))


def _with_inconclusive(validity: Validity, verdict: Verdict) -> Validity:
    """An otherwise valid run without a verdict says which objective could not be judged, and why."""
    if validity.status != "VALID" or verdict.status is not None:
        return validity
    reasons = tuple(
        Reason("objective-inconclusive", f"{result.label}: {result.note}")
        for result in verdict.objectives
        if result.status == "INCONCLUSIVE"
    )
    return replace(validity, status="INCONCLUSIVE", reasons=reasons)
