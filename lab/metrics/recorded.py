"""Metrics from the series that were kept with a run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from lab.analysis.scrapes import median_distance, scrape_times
from lab.errors import Unavailable
from lab.metrics.selectors import NAME_LABEL, parse_selector
from lab.metrics.steps import steps_in
from lab.model import NANOS, Series

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from lab.errors import LabError
    from lab.model import Window

HELD_INTERVALS: Final = 2.0
"""How long a sample counts, in intervals of its series; after that there is no value, as in Prometheus."""
KEEPS_ANSWERING: Final = "lab up      (a stack that stays keeps its Prometheus), or LAB_PROMETHEUS_URL=http://host:9090"


class RecordedSource:
    """Answers plain selectors from kept series; satisfies `MetricSource`."""

    def __init__(self, series: Sequence[Series]) -> None:
        self._series = tuple(series)

    def raw(self, name: str, window: Window) -> Sequence[Series]:
        """See `MetricSource.raw`."""
        cut = [_within(series, window) for series in self._series if series.name == name]
        return [series for series in cut if len(series.time_s)]

    def over_time(self, promql: str, window: Window, *, step_s: float = 1.0) -> Sequence[Series]:
        """See `MetricSource.over_time`; every step has the newest sample before it, unless that sample is too old.

        Raises:
            Unavailable: The expression is more than a plain selector.
        """
        selector = parse_selector(promql)
        if selector is None:
            raise self._not_kept(f"cannot evaluate {promql}")
        times_s = np.array(steps_in(window, step_s).times_ms, np.float64) / 1_000
        selected = (series for series in self._series if selector.selects(series.name, series.labels))
        stepped = [_at(times_s, series, promql) for series in selected]
        return [series for series in stepped if len(series.time_s)]

    def no_series(self, name: str) -> LabError | None:
        """See `MetricSource.no_series`."""
        return None if name in {series.name for series in self._series} else self._not_kept(f"no samples of {name}")

    def last_scrape_ns(self, job: str) -> int:
        """See `MetricSource.last_scrape_ns`."""
        of_job = [scrapes.time_s for scrapes in scrape_times(self._series) if scrapes.job == job]
        return round(min((float(times_s.max(initial=0.0)) for times_s in of_job), default=0.0) * NANOS)

    def newest(self, name: str) -> dict[str, float]:
        """See `MetricSource.newest`."""
        times_s = {series.labels.get("instance", ""): series.time_s for series in self._series if series.name == name}
        return {instance: float(samples_s[-1]) for instance, samples_s in times_s.items() if len(samples_s)}

    def _not_kept(self, attempted: str) -> Unavailable:
        names = ", ".join(sorted({series.name for series in self._series})) or "none"
        return Unavailable(
            attempted,
            found=f"the Prometheus of this run is gone; only plain selectors of kept metrics are answered:\n{names}",
            next_step=KEEPS_ANSWERING,
            code="NOT_KEPT",
        )


def _within(series: Series, window: Window) -> Series:
    inside = (series.time_s >= window.start_ns / NANOS) & (series.time_s <= window.end_ns / NANOS)
    return Series(series.name, series.labels, series.time_s[inside], series.value[inside])


def _at(times_s: NDArray[np.float64], series: Series, promql: str) -> Series:
    """Return the sample of a series that counts at each moment; a moment without a sample is left out."""
    newest = np.searchsorted(series.time_s, times_s, side="right") - 1
    has_sample = newest >= 0
    newest, times_s = newest[has_sample], times_s[has_sample]
    counts = times_s - series.time_s[newest] <= HELD_INTERVALS * median_distance(series.time_s)
    labels = {NAME_LABEL: series.name, **series.labels}
    return Series(promql, labels, times_s[counts], series.value[newest[counts]])
