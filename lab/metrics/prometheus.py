"""Metrics from a Prometheus server."""

from __future__ import annotations

import difflib
import math
import re
from typing import TYPE_CHECKING, Final

import numpy as np

from lab.errors import UsageFault
from lab.metrics.client import open_client
from lab.metrics.selectors import selector, without_name
from lab.metrics.steps import steps_in
from lab.model import NANOS, Series
from services.contracts.signals import PROCESS_CPU_TIME

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from lab.errors import LabError
    from lab.metrics.client import PrometheusClient, Result
    from lab.model import Window
    from lab.settings import LabSettings

LOOK_BACK: Final = "1h"
"""How far back to search for the last moment at which a service that is down now was up."""
ROUNDING_S: Final = 0.001
"""Prometheus keeps milliseconds, and may take the time of a query for the millisecond before it."""
PUSHED: Final = PROCESS_CPU_TIME.prometheus_name
"""A metric that every process pushes, whatever it does."""
PUSHED_WITHIN_S: Final = 2.0
"""Each process pushes every second, so each has pushed within these seconds before the job's newest sample."""
SUFFIX: Final = re.compile(r"(_total|_seconds|_bytes|_events|_ratio|_count)+$")


class PrometheusSource:
    """Reads the metrics of one Prometheus server; satisfies `MetricSource`."""

    def __init__(self, client: PrometheusClient) -> None:
        self._client = client

    def raw(self, name: str, window: Window) -> Sequence[Series]:
        """See `MetricSource.raw`."""
        milliseconds = max(1, math.ceil((window.end_ns - window.start_ns) / 1e6))
        results = self._client.instant(f"{selector(name)}[{milliseconds}ms]", at_s=window.end_ns / NANOS)
        return [_series(name, result, _labels(result)) for result in results]

    def over_time(self, promql: str, window: Window, *, step_s: float = 1.0) -> Sequence[Series]:
        """See `MetricSource.over_time`."""
        steps = steps_in(window, step_s)
        results = self._client.over_time(
            promql, steps.start_ms / 1_000, steps.end_ms / 1_000, step_s=steps.step_ms / 1_000
        )
        return [_series(promql, result, result["metric"]) for result in results]

    def fault_of_missing(self, name: str) -> LabError | None:
        """See `MetricSource.fault_of_missing`; the error names the metrics that resemble the missing one."""
        known = self._client.metric_names()
        if name in known:
            return None
        similar = similar_names(name, known)
        return UsageFault(
            f"no metric is called {name}",
            found=f"similar: {', '.join(similar)}" if similar else "no name resembles it: was any service scraped?",
            code="NO_SERIES",
        )

    def last_scrape_ns(self, job: str) -> int:
        """See `MetricSource.last_scrape_ns`; it looks back an hour at most."""
        up = selector("up", {"job": job})
        # timestamp() returns a sample's time for a plain selector alone; else it returns the time of the evaluation.
        since_when = f"min(timestamp({up}) and ({up} == 1))"
        moment_s = self._moment_s(since_when)
        if not moment_s:
            history = [_series("up", result, _labels(result)) for result in self._client.instant(f"{up}[{LOOK_BACK}]")]
            # That moment itself is when a single process was scraped; the others may have been scraped before.
            at_s = max((_last_success_s(scrapes) for scrapes in history), default=0.0)
            moment_s = self._moment_s(since_when, at_s=at_s + ROUNDING_S) if history else self._pushed_s(job)
        return round(moment_s * NANOS)

    def newest(self, name: str) -> dict[str, float]:
        """See `MetricSource.newest`; a process is left out five minutes after its last sample."""
        newest_s: dict[str, float] = {}
        for result in self._client.instant(f"timestamp({selector(name)})"):
            instance = _labels(result).get("instance", "")
            newest_s[instance] = max(_value(result), newest_s.get(instance, 0.0))
        return newest_s

    def _pushed_s(self, job: str) -> float:
        """Return a moment since which every process of a job pushed, seconds since the epoch; 0 for never."""
        # No metric says which processes run.
        newest_s = self._moment_s(f"max(timestamp({selector(PUSHED, {'job': job})}))")
        return newest_s - PUSHED_WITHIN_S if newest_s else 0.0

    def _moment_s(self, promql: str, *, at_s: float | None = None) -> float:
        """Return the moment that an expression gives, seconds since the epoch; 0 where it has no answer."""
        return max((_value(result) for result in self._client.instant(promql, at_s=at_s)), default=0.0)


def open_prometheus(url: str, settings: LabSettings) -> PrometheusSource:
    """Return the metrics of a server; the authorization of the settings is used only for the server that they name.

    Raises:
        BadConfig: The file of the authorization cannot be read.
    """
    return PrometheusSource(open_client(url, settings))


def similar_names(name: str, known: Sequence[str], *, limit: int = 3) -> tuple[str, ...]:
    """Return the metric names that may be meant; a name that differs in its unit alone is marked.

    >>> similar_names("worker_events_processed_total", ["up", "worker_events_processed_events_total"])
    ('worker_events_processed_events_total (unit suffix)',)
    """
    stem = SUFFIX.sub("", name)
    return tuple(
        f"{close} (unit suffix)" if SUFFIX.sub("", close) == stem else close
        for close in difflib.get_close_matches(name, known, n=limit, cutoff=0.6)
    )


def _labels(result: Result) -> dict[str, str]:
    return without_name(result["metric"])


def _series(name: str, result: Result, labels: Mapping[str, str]) -> Series:
    pairs = np.array(result.get("values", ()), np.float64).reshape(-1, 2)
    return Series(name, labels, pairs[:, 0], pairs[:, 1])


def _value(result: Result) -> float:
    return float(result["value"][1])


def _last_success_s(scrapes: Series) -> float:
    """Return the time of the last scrape that succeeded, seconds since the epoch; 0 for never."""
    return float(scrapes.time_s[scrapes.value == 1].max(initial=0.0))
