"""What each architecture and node did of a trial, as a table."""

from typing import Final

from lab.analysis.breakdown import Share, breakdown
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
    nodes, whole = breakdown(trial.evidence), breakdown(trial.evidence, by_node=False)
    rows = nodes if len(nodes) == len(whole) else (*nodes, *whole)
    emulated = (f"{one.place.node or one.place.architecture}: {one.emulated}" for one in nodes if one.emulated)
    return Table(
        HEADER,
        tuple(_row(one, trial.ledger.counted) for one in rows),
        (INTERVALS, *(f"Emulated: {how}; this says nothing about real ones." for how in emulated)),
    )


def _row(share: Share, counted: int) -> tuple[str, ...]:
    percent = f"{100 * share.counted / counted:.0f} %" if counted else ""
    figures = (f"{share.accepted:,}", f"{share.counted:,}", percent)
    return dashes((*_place(share), *figures, shown(share.ingest_cpu), shown(share.worker_cpu)))


def _place(share: Share) -> tuple[str, str]:
    return share.place.architecture, share.place.node
