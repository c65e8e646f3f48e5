"""Compares Prometheus with the ledger, process by process, and names every difference (`ARCHITECTURE.md` D41)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from lab.analysis.counters import increases, instance_of, named
from lab.analysis.scrapes import median_distance, scrape_times
from lab.model import NANOS, Attribution, Comparison, Window
from lab.systems.services import WORKER_JOB
from services.contracts.signals import WORKER_EVENTS_PROCESSED

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lab.model import Death, Evidence, Series, StoreView

COUNTER: Final = WORKER_EVENTS_PROCESSED.prometheus_name
QUERY: Final = f'sum by (instance) ({COUNTER}{{job="{WORKER_JOB}"}})'

KILLED: Final = "killed-before-scrape"
STOPPED: Final = "scraping-stopped"
NOT_INCREMENTED: Final = "not-incremented"
NOT_DRAINED: Final = "not-drained"
"""Workers still counted while ledger and Prometheus were read, so that each holds another moment."""
UNEXPLAINED: Final = "unexplained"

SIGKILL: Final = 9
ROUNDING_NS: Final = 1_000
SCRAPE_MARGIN_S: Final = 0.25
"""A scrape bears the time of its start, and a counter grows a moment after its commit. So only a scrape that is this
much later than the last commit must have seen all of it."""
FRESH_INTERVALS: Final = 3
"""The last scrape of a killed process was at most this old, or the scraper lost the events and not the process."""


@dataclass(frozen=True, slots=True)
class _Worker:
    """A worker process, by the ledger and by Prometheus; `last_sample_s` is None where Prometheus has no sample."""

    instance_id: str
    missing: int
    last_sample_s: float | None
    interval_s: float
    death: Death | None


def compare_counts(
    store: StoreView, series: Sequence[Series], *, deaths: Sequence[Death] = (), window: Window
) -> Comparison:
    """Compare what Prometheus and the ledger counted, and attribute every difference to a layer.

    Args:
        store: The ledger: what each process counted for the run, and when the last commit was.
        series: Raw samples of `worker_events_processed_total` and of `up`; other metrics are left out. Samples must
            reach back to a scrape before the window; without one, earlier events would be taken for those of the run.
        deaths: Processes that ended unasked.
        window: From the first intended time to the end of draining.

    Returns:
        A comparison, without Prometheus' count where it has no series of the counter.
    """
    counters = {instance_of(counter): counter for counter in named(series, COUNTER)}
    if not counters:
        return Comparison(store.balance.counted, None, query=QUERY)
    seen = increases(series, COUNTER, window)
    drained_s = store.last_commit_ns / NANOS + SCRAPE_MARGIN_S
    job_was_scraped = _job_was_scraped(series, drained_s)
    attributions = [
        _not_drained(name, missing)
        if 0 < abs(missing) <= store.balance.backlog
        else _attribution(
            _worker(name, missing, counters.get(name), deaths), drained_s, job_was_scraped=job_was_scraped
        )
        for name in sorted(store.instances.keys() | seen.keys())
        if (missing := store.instances.get(name, 0) - seen.get(name, 0))
    ]
    return Comparison(store.balance.counted, sum(seen.values()), (*attributions, *_unassigned(store)), QUERY)


def drained_window(evidence: Evidence) -> Window:
    """Return the time from the first intended send to the last sample, which was taken after draining.

    A time in seconds loses up to 240 ns when it becomes an integer; the window is longer by `ROUNDING_NS`, so that the
    sample lies in it.
    """
    last_s = max((float(series.time_s[-1]) for series in evidence.series if len(series.time_s)), default=0.0)
    window = evidence.load_run.window
    return Window(window.start_ns, max(window.end_ns, round(last_s * NANOS) + ROUNDING_NS))


def _job_was_scraped(series: Sequence[Series], drained_s: float) -> bool:
    """Return whether every target of the workers' job was scraped after the last commit."""
    targets = [target for target in scrape_times(series) if target.job == WORKER_JOB]
    return bool(targets) and all(len(target.time_s) > 0 and target.time_s[-1] >= drained_s for target in targets)


def _worker(name: str, missing: int, counter: Series | None, deaths: Sequence[Death]) -> _Worker:
    times = counter.time_s if counter is not None else np.empty(0)
    return _Worker(
        instance_id=name,
        missing=missing,
        last_sample_s=float(times[-1]) if len(times) else None,
        interval_s=median_distance(times),
        death=next((death for death in deaths if death.instance_id == name), None),
    )


def _attribution(worker: _Worker, drained_s: float, *, job_was_scraped: bool) -> Attribution:
    cause = _cause(worker, drained_s, job_was_scraped=job_was_scraped)
    return Attribution(cause, worker.instance_id, worker.missing, explained=cause != UNEXPLAINED)


def _not_drained(name: str, missing: int) -> Attribution:
    return Attribution(NOT_DRAINED, name, missing, explained=True)


def _cause(worker: _Worker, drained_s: float, *, job_was_scraped: bool) -> str:
    if worker.missing < 0:
        return UNEXPLAINED
    if worker.death is not None:
        return _cause_of_dead(worker, worker.death)
    if job_was_scraped or (worker.last_sample_s is not None and worker.last_sample_s >= drained_s):
        return NOT_INCREMENTED
    return STOPPED


def _cause_of_dead(worker: _Worker, death: Death) -> str:
    if death.signal != SIGKILL:
        return UNEXPLAINED
    fresh_s = FRESH_INTERVALS * worker.interval_s
    if worker.last_sample_s is None or death.at_ns / NANOS - worker.last_sample_s <= fresh_s:
        return KILLED
    return STOPPED


def _unassigned(store: StoreView) -> tuple[Attribution, ...]:
    """Return the events that the ledger counted for no process."""
    unassigned = store.balance.counted - sum(store.instances.values())
    return (Attribution(UNEXPLAINED, "", unassigned, explained=False),) if unassigned else ()
