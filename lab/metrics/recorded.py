"""Metrics from series that were recorded with a run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lab.analysis.scrapes import scrape_times
from lab.model import NANOS, Series

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lab.model import Window


class RecordedSource:
    """Answers from the series it was given; satisfies `MetricSource`.

    A query is answered by the series that were recorded under its text, as `PrometheusSource.over_time` names them.
    """

    def __init__(self, series: Sequence[Series]) -> None:
        self._series = tuple(series)

    def raw(self, name: str, window: Window) -> Sequence[Series]:
        """Recorded samples of a metric within a window, one series per label set; empty where there is none."""
        cut = [_within(one, window) for one in self._series if one.name == name]
        return [one for one in cut if len(one.time_s)]

    def over_time(self, query: str, window: Window, *, step_s: float = 1.0) -> Sequence[Series]:  # noqa: ARG002
        """The recorded answers of a query within a window, at the steps they were recorded with."""
        return self.raw(query, window)

    def last_scrape_ns(self, job: str) -> int:
        """When a service was last scraped successfully, nanoseconds since the epoch; 0 when never."""
        ours = [one.time_s for one in scrape_times(self._series) if one.job == job]
        return round(min((float(times.max(initial=0.0)) for times in ours), default=0.0) * NANOS)


def _within(series: Series, window: Window) -> Series:
    inside = (series.time_s >= window.start_ns / NANOS) & (series.time_s <= window.end_ns / NANOS)
    return Series(series.name, series.labels, series.time_s[inside], series.value[inside])
