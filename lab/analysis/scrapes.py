"""When each service was scraped, read from raw series."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from lab.analysis.counters import instance_of, named
from lab.model import NANOS
from lab.systems.services import JOB_PREFIX

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from lab.model import Series, Window

UP: Final = "up"


class ScrapeTimes(NamedTuple):
    """Successful scrapes of one target, seconds since the epoch."""

    job: str
    instance: str
    time_s: NDArray[np.float64]
    interval_s: float


class Gap(NamedTuple):
    """A time without a successful scrape, seconds since the epoch."""

    job: str
    start_s: float
    end_s: float
    intervals: float


def scrape_times(series: Sequence[Series]) -> tuple[ScrapeTimes, ...]:
    """Return the successful scrapes of our services, from `up`; the interval is the median distance of all scrapes."""
    return tuple(
        ScrapeTimes(_job(up), instance_of(up), up.time_s[up.value == 1], median_distance(up.time_s))
        for up in named(series, UP)
        if _is_ours(up)
    )


def export_times(series: Sequence[Series]) -> tuple[ScrapeTimes, ...]:
    """Return when samples of each job arrived, where services push their metrics and there is no `up`.

    Samples of all processes of a job count, since a pod may be replaced at any time. The interval is that of a single
    process; several processes together have a shorter one.
    """
    pushed: dict[str, dict[str, list[NDArray[np.float64]]]] = {}
    for metric in series:
        if metric.name != UP and _is_ours(metric):
            pushed.setdefault(_job(metric), {}).setdefault(instance_of(metric), []).append(metric.time_s)
    return tuple(_exported(job, list(pushed[job].values())) for job in sorted(pushed))


def _exported(job: str, processes: Sequence[Sequence[NDArray[np.float64]]]) -> ScrapeTimes:
    arrivals = [np.unique(np.concatenate(parts)) for parts in processes]
    interval_s = float(np.median([median_distance(times) for times in arrivals]))
    return ScrapeTimes(job, "", np.unique(np.concatenate(arrivals)), interval_s)


def median_distance(time_s: NDArray[np.float64]) -> float:
    """Return the median of the seconds between two samples; 1 where there are fewer than two."""
    return float(np.median(np.diff(time_s))) if len(time_s) > 1 else 1.0


def scrape_gaps(scrapes: ScrapeTimes, window: Window, *, longer_than: float) -> tuple[Gap, ...]:
    """Return the times of a window without a successful scrape that are longer than so many intervals."""
    start, end = window.start_ns / NANOS, window.end_ns / NANOS
    inside = scrapes.time_s[(scrapes.time_s > start) & (scrapes.time_s < end)]
    before, after = scrapes.time_s[scrapes.time_s <= start], scrapes.time_s[scrapes.time_s >= end]
    edges = np.concatenate((before[-1:] if len(before) else [start], inside, after[:1] if len(after) else [end]))
    return tuple(
        Gap(scrapes.job, float(left), float(right), float((right - left) / scrapes.interval_s))
        for left, right in pairwise(edges)
        if right - left > longer_than * scrapes.interval_s
    )


def _is_ours(series: Series) -> bool:
    return _job(series).startswith(JOB_PREFIX)


def _job(series: Series) -> str:
    return series.labels.get("job", "")
