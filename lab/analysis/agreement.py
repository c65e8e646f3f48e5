"""What Prometheus counted beside what the ledger counted, with a name for every difference (`ARCHITECTURE.md` D41)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from lab.analysis.scrapes import median_distance, scrape_times
from lab.model import NANOS, Attribution, Comparison, Window
from services.contracts.signals import WORKER_EVENTS_PROCESSED

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lab.model import Death, Evidence, Series, StoreView

COUNTER: Final = WORKER_EVENTS_PROCESSED.prometheus_name
JOB: Final = "lab/process-worker"
QUERY: Final = f'sum by (instance) ({COUNTER}{{job="{JOB}"}})'

KILLED: Final = "killed-before-scrape"
STOPPED: Final = "scraping-stopped"
NOT_INCREMENTED: Final = "not-incremented"
UNEXPLAINED: Final = "unexplained"

SIGKILL: Final = 9
ROUNDING_NS: Final = 1_000
SCRAPE_MARGIN_S: Final = 0.25
"""A scrape bears the time of its start, a counter grows a moment after its commit: only a scrape this much later than
the last commit must have seen all of it."""
FRESH_INTERVALS: Final = 3
"""A process that had been scraped this recently when it was killed lost what came since; else the scraper lost it."""


@dataclass(frozen=True, slots=True)
class _Worker:
    """One worker process, by the ledger and by Prometheus; `last_sample_s` is None where Prometheus never saw it."""

    instance_id: str
    missing: int
    last_sample_s: float | None
    interval_s: float
    death: Death | None


def compare(store: StoreView, series: Sequence[Series], *, deaths: Sequence[Death] = (), window: Window) -> Comparison:
    """Sum Prometheus' side per process and attribute every difference to a layer.

    Args:
        store: The ledger: what each process counted for the run, and when the last commit was.
        series: Raw samples of `worker_events_processed_total` and of `up`; others are left alone. They must reach
            back to a scrape before the window, else what a process counted earlier would be taken for the run's.
        deaths: Processes that ended without having been asked to.
        window: From the first intended time to the end of settling.

    Returns:
        Without a count where Prometheus has no series of the counter at all.
    """
    counters = {one.labels.get("instance", ""): one for one in series if one.name == COUNTER}
    if not counters:
        return Comparison(store.balance.counted, None, query=QUERY)
    seen = {name: increase(counter, window) for name, counter in counters.items()}
    drained_s = store.last_commit_ns / NANOS + SCRAPE_MARGIN_S
    job_was_scraped = _job_was_scraped(series, drained_s)
    attributions = [
        _attribution(_worker(name, missing, counters.get(name), deaths), drained_s, job_was_scraped=job_was_scraped)
        for name in sorted(store.instances.keys() | seen.keys())
        if (missing := store.instances.get(name, 0) - seen.get(name, 0))
    ]
    return Comparison(store.balance.counted, sum(seen.values()), (*attributions, *_nobodys(store)), QUERY)


def drained_window(evidence: Evidence) -> Window:
    """From the first intended time to the last sample that was collected, which comes after settling.

    The sample must lie within, whatever the double of its time loses when it becomes an integer: 240 ns at most.
    """
    last_s = max((float(one.time_s[-1]) for one in evidence.series if len(one.time_s)), default=0.0)
    window = evidence.load_run.window
    return Window(window.start_ns, max(window.end_ns, round(last_s * NANOS) + ROUNDING_NS))


def increase(counter: Series, window: Window) -> int:
    """Last sample of the window minus the last before it; 0 before, where the process began later."""
    before = counter.value[counter.time_s < window.start_ns / NANOS]
    until = counter.value[counter.time_s <= window.end_ns / NANOS]
    return round(float(until[-1]) if len(until) else 0.0) - round(float(before[-1]) if len(before) else 0.0)


def _job_was_scraped(series: Sequence[Series], drained_s: float) -> bool:
    """Whether every target of the workers' job was scraped once more after the last commit."""
    targets = [one for one in scrape_times(series) if one.job == JOB]
    return bool(targets) and all(len(one.time_s) > 0 and one.time_s[-1] >= drained_s for one in targets)


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


def _nobodys(store: StoreView) -> tuple[Attribution, ...]:
    """Events that the ledger counted for no process."""
    unassigned = store.balance.counted - sum(store.instances.values())
    return (Attribution(UNEXPLAINED, "", unassigned, explained=False),) if unassigned else ()
