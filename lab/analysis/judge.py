"""Judges a trial: from the experiment and the evidence to validity, verdict, ledger and comparison."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

from lab.analysis.agreement import compare_counts, drained_window
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


def judge(experiment: Experiment, evidence: Evidence, *, seed: int = 0) -> Judgement:
    """Judge a trial. The same evidence always gives the same judgement.

    Args:
        experiment: Its objectives are judged.
        evidence: What was observed.
        seed: Of the bootstrap intervals.

    Raises:
        UsageFault: An objective is of an undeclared kind.
    """
    ledger = close_ledger(evidence.load_run, evidence.store, totals=evidence.totals, windows=evidence.windows)
    comparison = compare_counts(
        evidence.store, evidence.series, deaths=evidence.deaths, window=drained_window(evidence)
    )
    facts = Facts(experiment, evidence, ledger, comparison)
    validity = assess(facts)
    verdict = judge_objectives(facts, validity, seed=seed)
    return Judgement(_with_inconclusive(validity, verdict), verdict, ledger.account, comparison)


def _with_inconclusive(validity: Validity, verdict: Verdict) -> Validity:
    """Return the validity; it is INCONCLUSIVE where the run is valid and an objective could not be judged."""
    if validity.status != "VALID" or verdict.status is not None:
        return validity
    reasons = tuple(
        Reason("objective-inconclusive", f"{result.label}: {result.note}")
        for result in verdict.objectives
        if result.status == "INCONCLUSIVE"
    )
    return replace(validity, status="INCONCLUSIVE", reasons=reasons)
