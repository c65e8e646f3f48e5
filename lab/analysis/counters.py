"""Counters as Prometheus stored them: how much they grew in a window, and per second."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import numpy as np

from lab.model import NANOS, Series

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from numpy.typing import NDArray

    from lab.model import Window


def named(series: Iterable[Series], name: str) -> list[Series]:
    """Return the series of one metric."""
    return [candidate for candidate in series if candidate.name == name]


def instance_of(series: Series) -> str:
    """Return the process that a series comes from; empty where the series does not say."""
    return series.labels.get("instance", "")


def increase(counter: Series, window: Window) -> float:
    """Return how much one counter grew in a window.

    That is its last sample in the window minus its last sample before the window. A process that started in the window
    had counted 0 before.
    """
    before = counter.value[counter.time_s < window.start_ns / NANOS]
    until = counter.value[counter.time_s <= window.end_ns / NANOS]
    return (float(until[-1]) if len(until) else 0.0) - (float(before[-1]) if len(before) else 0.0)


def increases(series: Iterable[Series], name: str, window: Window) -> Mapping[str, int]:
    """Return how many events each process counted in a window: instance → events.

    Args:
        series: Raw samples; series of other metrics are left out.
        name: Of the counter, as Prometheus stores it.
        window: Both ends are part of it.
    """
    grown: Counter[str] = Counter()
    for counter in named(series, name):
        grown[instance_of(counter)] += round(increase(counter, window))
    return dict(grown)


def rate(counters: Sequence[Series], window: Window) -> Series:
    """Return what counters grew by per second, all processes together, one value for each second of the window.

    A counter is taken to grow evenly between two scrapes. That is good enough for a figure; it is no ground truth.
    """
    edges = window.start_ns / NANOS + np.arange(max(1, int(np.ceil(window.seconds))) + 1, dtype=np.float64)
    per_second = np.zeros(len(edges) - 1)
    for counter in counters:
        per_second += np.diff(_at(counter, edges))
    return Series("rate", {}, edges[:-1] + 0.5, per_second)


def _at(counter: Series, edges: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the counter at each edge; a counter whose first sample lies in the window was 0 a second earlier."""
    if not len(counter.time_s):
        return np.zeros(len(edges))
    time_s, value = counter.time_s, counter.value
    if time_s[0] > edges[0]:
        time_s, value = np.append(time_s[0] - 1, time_s), np.append(0.0, value)
    return np.interp(edges, time_s, value)
