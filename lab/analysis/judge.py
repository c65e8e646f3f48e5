"""From what was asked, with what was observed, to what it means: the whole pipeline, pure."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

from lab.analysis.agreement import compare, drained_window
from lab.analysis.facts import Facts
from lab.analysis.ledger import close_ledger
from lab.analysis.objectives import judge_objectives
from lab.analysis.validity import assess
from lab.model import Comparison, LedgerAccount, Reason, Validity, Verdict

if TYPE_CHECKING:
    from lab.model import Evidence, Experiment


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
    ledger = close_ledger(evidence.load_run, evidence.store, totals=evidence.totals, windows=evidence.windows)
    comparison = compare(evidence.store, evidence.series, deaths=evidence.deaths, window=drained_window(evidence))
    facts = Facts(experiment, evidence, ledger, comparison)
    validity = assess(facts, missing=missing)
    verdict = judge_objectives(facts, validity, seed=seed)
    return Judgement(_with_inconclusive(validity, verdict), verdict, ledger.account, comparison)


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
