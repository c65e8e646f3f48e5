"""When a service was scraped, read from raw series."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from lab.model import NANOS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from lab.model import Series, Window

UP: Final = "up"
OUR_JOBS: Final = "lab/"


class ScrapeTimes(NamedTuple):
    """Successful scrapes of one target, seconds since the epoch."""

    job: str
    instance: str
    time_s: NDArray[np.float64]
    interval_s: float


class Gap(NamedTuple):
    """A stretch without a successful scrape, seconds since the epoch."""

    job: str
    start_s: float
    end_s: float
    intervals: float


def scrape_times(series: Sequence[Series]) -> tuple[ScrapeTimes, ...]:
    """Successful scrapes of our services by the raw `up` series; the interval is the median distance of all scrapes."""
    return tuple(
        ScrapeTimes(_job(one), one.labels.get("instance", ""), one.time_s[one.value == 1], median_distance(one.time_s))
        for one in series
        if one.name == UP and _job(one).startswith(OUR_JOBS)
    )


def export_times(series: Sequence[Series]) -> tuple[ScrapeTimes, ...]:
    """The same where services push what they measure, and there is no `up`: when samples of each job arrived.

    Whichever process of the job sent them, since a pod may be replaced at any time; the interval is that of a single
    process, which several together undercut.
    """
    pushed: dict[str, dict[str, list[NDArray[np.float64]]]] = {}
    for one in series:
        if one.name != UP and _job(one).startswith(OUR_JOBS):
            pushed.setdefault(_job(one), {}).setdefault(one.labels.get("instance", ""), []).append(one.time_s)
    return tuple(_exported(job, list(pushed[job].values())) for job in sorted(pushed))


def _exported(job: str, processes: Sequence[Sequence[NDArray[np.float64]]]) -> ScrapeTimes:
    arrivals = [np.unique(np.concatenate(parts)) for parts in processes]
    interval_s = float(np.median([median_distance(times) for times in arrivals]))
    return ScrapeTimes(job, "", np.unique(np.concatenate(arrivals)), interval_s)


def median_distance(time_s: NDArray[np.float64]) -> float:
    """Seconds between two samples, typically; one second where there is no second sample."""
    return float(np.median(np.diff(time_s))) if len(time_s) > 1 else 1.0


def scrape_gaps(scrapes: ScrapeTimes, window: Window, *, longer_than: float) -> tuple[Gap, ...]:
    """Stretches of a window without a successful scrape that are longer than so many intervals."""
    start, end = window.start_ns / NANOS, window.end_ns / NANOS
    inside = scrapes.time_s[(scrapes.time_s > start) & (scrapes.time_s < end)]
    before, after = scrapes.time_s[scrapes.time_s <= start], scrapes.time_s[scrapes.time_s >= end]
    edges = np.concatenate((before[-1:] if len(before) else [start], inside, after[:1] if len(after) else [end]))
    return tuple(
        Gap(scrapes.job, float(left), float(right), float((right - left) / scrapes.interval_s))
        for left, right in pairwise(edges)
        if right - left > longer_than * scrapes.interval_s
    )


def _job(series: Series) -> str:
    return series.labels.get("job", "")
