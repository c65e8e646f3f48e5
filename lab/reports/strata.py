"""What each architecture and node did of a trial, as a table."""

from typing import Final

from lab.analysis.strata import Stratum, strata
from lab.model import Trial
from lab.reports.table import Table, dashes, shown

HEADER: Final = (
    "architecture",
    "node",
    "accepted",
    "counted",
    "share counted",
    "ingest-api CPU, ms per 1,000 events",
    "process-worker CPU, ms per 1,000 events",
)
INTERVALS: Final = "Intervals are within this run. Workers share one stream: who is quicker counts more of it."


def table(trial: Trial) -> Table:
    """A row for each node; one for each architecture below them, where one has several nodes."""
    nodes, whole = strata(trial.evidence), strata(trial.evidence, by_node=False)
    rows = nodes if len(nodes) == len(whole) else (*nodes, *whole)
    emulated = (f"{one.place.node or one.place.architecture}: {one.emulated}" for one in nodes if one.emulated)
    return Table(
        HEADER,
        tuple(_row(one, trial.ledger.counted) for one in rows),
        (INTERVALS, *(f"Emulated: {how}; this says nothing about real ones." for how in emulated)),
    )


def _row(stratum: Stratum, counted: int) -> tuple[str, ...]:
    share = f"{100 * stratum.counted / counted:.0f} %" if counted else ""
    figures = (f"{stratum.accepted:,}", f"{stratum.counted:,}", share)
    return dashes((*_place(stratum), *figures, shown(stratum.ingest_cpu), shown(stratum.worker_cpu)))


def _place(stratum: Stratum) -> tuple[str, str]:
    return stratum.place.architecture, stratum.place.node
