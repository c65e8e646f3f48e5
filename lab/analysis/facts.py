"""What rules of validity look at, and what they may say."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from lab.analysis.ledger import LedgerFindings
    from lab.model import Comparison, Evidence, Experiment, Reason


@dataclass(frozen=True, slots=True)
class Facts:
    """A trial before it is judged: what was asked, what was observed, what the accounts say."""

    experiment: Experiment
    evidence: Evidence
    ledger: LedgerFindings
    comparison: Comparison


class Pass(NamedTuple):
    """Nothing speaks against the run here; *sentence* says what was looked at, and is empty where nobody asks."""

    sentence: str = ""


class Fail(NamedTuple):
    """The run may not be believed."""

    reason: Reason


class Inconclusive(NamedTuple):
    """Evidence is missing, so that nothing can be said."""

    reason: Reason


Finding = Pass | Fail | Inconclusive
