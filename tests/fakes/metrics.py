"""A metrics server, in memory."""

import time
from collections.abc import Sequence

import numpy as np

from lab.errors import LabError
from lab.model import NANOS, Series, Window


class FakeMetrics:
    """Scrapes everything at even intervals of the real clock, and always has; satisfies `MetricSource`.

    Args:
        every_s: Seconds between two scrapes; 0: it never scraped anything.
    """

    def __init__(self, *, every_s: float = 0.01) -> None:
        self._every_ns = round(every_s * NANOS)
        self.told_ns: list[int] = []
        """The times of the last scrape that it reported, the oldest answer first."""

    def raw(self, name: str, window: Window) -> Sequence[Series]:
        """See `MetricSource.raw`; every scrape read 1."""
        if not self._every_ns:
            return []
        first, last = -(-window.start_ns // self._every_ns), min(window.end_ns, time.time_ns()) // self._every_ns
        time_s = np.arange(first, last + 1) * self._every_ns / NANOS
        return [Series(name, {"job": "lab/process-worker", "instance": "worker-1"}, time_s, np.ones(len(time_s)))]

    def over_time(self, promql: str, window: Window, *, step_s: float = 1.0) -> Sequence[Series]:
        """See `MetricSource.over_time`; an expression is answered like a metric of that name."""
        return self.raw(promql, window)

    def fault_of_missing(self, name: str) -> LabError | None:
        """See `MetricSource.fault_of_missing`; it has every metric."""
        return None

    def last_scrape_ns(self, job: str) -> int:
        """See `MetricSource.last_scrape_ns`."""
        self.told_ns.append(time.time_ns() // self._every_ns * self._every_ns if self._every_ns else 0)
        return self.told_ns[-1]

    def newest(self, name: str) -> dict[str, float]:
        """See `MetricSource.newest`; the one process was scraped just now."""
        return {"worker-1": time.time()} if self._every_ns else {}
