"""What each architecture and node did in a trial, as a table."""

from typing import Final

from lab.analysis.breakdown import Share, breakdown
from lab.model import Trial
from lab.reports.numbers import with_interval
from lab.reports.table import Table, dashes
from lab.systems.services import INGEST_API, PROCESS_WORKER

HEADER: Final = (
    "architecture",
    "node",
    "accepted",
    "counted",
    "share counted",
    f"{INGEST_API} CPU, ms per 1,000 events",
    f"{PROCESS_WORKER} CPU, ms per 1,000 events",
)
INTERVALS: Final = "Intervals are within this run. Workers share one stream: a quicker one counts more of it."


def table(trial: Trial) -> Table:
    """Return the work and the cost of each architecture and node in a trial.

    Returns:
        One row for each node, then one for each architecture if any has several nodes. Columns: accepted and counted
        events, the share of all counted events in percent, CPU time of ingest-api and of process-worker for each event.
    """
    nodes, whole = breakdown(trial.evidence), breakdown(trial.evidence, by_node=False)
    rows = nodes if len(nodes) == len(whole) else (*nodes, *whole)
    emulated = tuple(_emulation(share) for share in nodes if share.emulated)
    return Table(HEADER, tuple(_row(share, trial.ledger.counted) for share in rows), (INTERVALS, *emulated))


def _row(share: Share, all_counted: int) -> tuple[str, ...]:
    percent = f"{100 * share.counted / all_counted:.0f} %" if all_counted else ""
    events = (f"{share.accepted:,}", f"{share.counted:,}", percent)
    costs = (with_interval(share.ingest_cpu), with_interval(share.worker_cpu))
    return dashes((share.place.architecture, share.place.node, *events, *costs))


def _emulation(share: Share) -> str:
    where = share.place.node or share.place.architecture
    return f"Emulated: {where}: {share.emulated}; its figures say nothing about real hardware."
