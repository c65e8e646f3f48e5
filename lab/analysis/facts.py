"""What a rule of validity gets, and what it may find."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from lab.analysis.ledger import LedgerFindings
    from lab.model import Comparison, Evidence, Experiment, Reason


@dataclass(frozen=True, slots=True)
class Facts:
    """A trial before it is judged: experiment, evidence, and the accounts of both."""

    experiment: Experiment
    evidence: Evidence
    ledger: LedgerFindings
    comparison: Comparison


class Pass(NamedTuple):
    """The run holds by this rule; *sentence* says what was checked, and is empty where a reader need not know."""

    sentence: str = ""


class Fail(NamedTuple):
    """The run does not hold by this rule, so that it is INVALID."""

    reason: Reason


class Inconclusive(NamedTuple):
    """Evidence is missing, so that the rule cannot decide."""

    reason: Reason


Finding = Pass | Fail | Inconclusive
