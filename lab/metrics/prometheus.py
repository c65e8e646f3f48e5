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
"""How far back to search for the last successful scrape of a service that is down now."""
PUSHED: Final = PROCESS_CPU_TIME.prometheus_name
"""A metric that every process pushes, whatever it does."""
PUSHED_WITHIN_S: Final = 2.0
"""Seconds before the newest sample of a job within which every process of the job pushes; each pushes every second."""
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

    def no_series(self, name: str) -> LabError | None:
        """See `MetricSource.no_series`; the error names the metrics that resemble the missing one."""
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
        """See `MetricSource.last_scrape_ns`; every running process of the service was scraped by then.

        Where processes push, no metric says which processes run; every process pushes each second.
        """
        up = selector("up", {"job": job})
        # timestamp() returns a sample's time for a plain selector alone; else it returns the time of the evaluation.
        scraped = [_value(result) for result in self._client.instant(f"min(timestamp({up}) and ({up} == 1))")]
        if not scraped:
            all_up = [_series("up", result, _labels(result)) for result in self._client.instant(f"{up}[{LOOK_BACK}]")]
            scraped = [float(series.time_s[series.value == 1].max(initial=0.0)) for series in all_up]
        if not scraped:
            pushed = self._client.instant(f"max(timestamp({selector(PUSHED, {'job': job})}))")
            scraped = [_value(result) - PUSHED_WITHIN_S for result in pushed]
        return round(max(scraped, default=0.0) * NANOS)

    def newest(self, name: str) -> dict[str, float]:
        """See `MetricSource.newest`; a process is left out five minutes after its last sample."""
        results = self._client.instant(f"timestamp({selector(name)})")
        return {_labels(result).get("instance", ""): _value(result) for result in results}


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
