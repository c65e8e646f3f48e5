"""What evidence means: validity, verdict, ledger, and the trial as a whole."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lab.model.evidence import Evidence
    from lab.model.experiment import Experiment, Objective


class Reason(NamedTuple):
    """Why a run is invalid or inconclusive: a code and a sentence."""

    code: str
    message: str


@dataclass(frozen=True, slots=True)
class Validity:
    """Whether a run may be believed."""

    status: Literal["VALID", "INVALID", "INCONCLUSIVE"]
    reasons: tuple[Reason, ...] = ()
    checked: tuple[str, ...] = ()
    """Short sentences about what was checked and passed."""


@dataclass(frozen=True, slots=True)
class ObjectiveResult:
    """An objective (SLO) beside what was observed (SLI); the interval claims nothing about the next run."""

    objective: Objective
    label: str
    unit: str
    observed: float | None
    low: float | None
    high: float | None
    status: Literal["MET", "NOT_MET", "INCONCLUSIVE"]
    note: str = ""


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether all objectives were met; `status` is None where the run has no verdict."""

    status: Literal["MET", "NOT_MET"] | None
    objectives: tuple[ObjectiveResult, ...]


@dataclass(frozen=True, slots=True)
class LedgerAccount:
    """The account of every event of a run, as generator and store report it (`ARCHITECTURE.md` D34)."""

    intended: int
    sent: int
    acknowledged: int
    unknown: int
    refused: int
    accepted: int
    duplicates: int
    counted: int
    dead: int
    backlog: int
    residual: int
    lost: int
    double_counted: int


class Attribution(NamedTuple):
    """Events that Prometheus lacks (positive) or has in excess (negative), and the layer that lost them.

    Attributes:
        cause: `killed-before-scrape`, `scraping-stopped`, `not-incremented`, `not-drained`, or `unexplained`.
        instance_id: The process; empty where no process has the events.
        events: Ledger minus Prometheus.
        explained: Whether the cause is known; False makes the run INVALID.
    """

    cause: str
    instance_id: str
    events: int
    explained: bool


@dataclass(frozen=True, slots=True)
class Comparison:
    """`worker_events_processed_total` in Prometheus beside the ledger's `counted`."""

    ledger_counted: int
    prometheus_counted: int | None
    attributions: tuple[Attribution, ...] = ()
    query: str = ""

    @property
    def difference(self) -> int | None:
        """Ledger minus Prometheus; None where Prometheus has no series."""
        return None if self.prometheus_counted is None else self.ledger_counted - self.prometheus_counted


@dataclass(frozen=True, slots=True)
class Trial:
    """One execution of an experiment: what was requested, what was observed, what it means.

    `defaults` are the notebook's own values of its parameters; empty where no notebook ran the trial. `place` is
    what a report calls the place where the trial ran.
    """

    run_id: str
    experiment: Experiment
    started_ns: int
    ended_ns: int
    evidence: Evidence
    validity: Validity
    verdict: Verdict
    ledger: LedgerAccount
    comparison: Comparison
    environment: Mapping[str, object]
    parameters: Mapping[str, object]
    defaults: Mapping[str, object] = field(default_factory=dict)
    folder: str = ""
    place: str = ""
