"""Events per second: offered, acknowledged, counted."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from lab.analysis.estimate import MIN_BLOCKS, Estimate, ends, resample
from lab.analysis.latency import ACKNOWLEDGED
from lab.model import NANOS, Series

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from lab.model import Samples, Window


def offered_rate(samples: Samples) -> Series:
    """Events per second by intended time, one value a second."""
    return _per_second("offered", samples.started_ns, samples.intended_ns, samples.events)


def acknowledged_rate(samples: Samples) -> Series:
    """Events per second by the time of their acknowledgement, one value a second."""
    rows = samples.outcome == ACKNOWLEDGED
    return _per_second("acknowledged", samples.started_ns, samples.completed_ns[rows], samples.events[rows])


def counted_rate(counters: Sequence[Series], window: Window) -> Series:
    """Events per second that the workers' counters grew by, all instances together, one value a second of the window.

    Between two scrapes a counter is taken to grow evenly, which is good enough for a figure and no ground truth.
    """
    edges = window.start_ns / NANOS + np.arange(max(1, int(np.ceil(window.seconds))) + 1, dtype=np.float64)
    rate = np.zeros(len(edges) - 1)
    for counter in counters:
        rate += np.diff(_at(counter, edges))
    return Series("counted", {}, edges[:-1] + 0.5, rate)


def throughput_interval(samples: Samples, *, seed: int = 0) -> Estimate:
    """Acknowledged events per second, with its interval within this run.

    The rate is taken between the first and the last acknowledgement, whose own latencies then cancel out.
    """
    rows = samples.outcome == ACKNOWLEDGED
    order = np.argsort(samples.completed_ns[rows], kind="stable")
    completed, events = samples.completed_ns[rows][order], samples.events[rows][order]
    if len(completed) < 2 or completed[-1] == completed[0]:
        return Estimate(None, note=f"{len(completed)} acknowledged batches, a rate needs two", samples=len(completed))
    seconds = (completed[-1] - completed[0]) / NANOS
    value = float(events[1:].sum() / seconds)
    second = (completed[1:] - completed[0] - 1) // NANOS
    whole = np.bincount(second, events[1:])[: int(seconds)]
    if len(whole) < MIN_BLOCKS:
        return Estimate(value, note=f"no interval from fewer than {MIN_BLOCKS} s", samples=len(completed))
    low, high = ends(resample(len(whole), lambda drawn: float(drawn @ whole / len(whole)), seed=seed))
    return Estimate(value, low, high, samples=len(completed))


def _per_second(name: str, started_ns: int, time_ns: NDArray[np.int64], events: NDArray[np.int64]) -> Series:
    rate = np.bincount(np.maximum(time_ns, 0) // NANOS, events).astype(np.float64)
    return Series(name, {}, started_ns / NANOS + np.arange(len(rate), dtype=np.float64) + 0.5, rate)


def _at(counter: Series, edges: NDArray[np.float64]) -> NDArray[np.float64]:
    """The counter at each edge; one that begins within the window began at 0 a moment earlier."""
    if not len(counter.time_s):
        return np.zeros(len(edges))
    time_s, value = counter.time_s, counter.value
    if time_s[0] > edges[0]:
        time_s, value = np.append(time_s[0] - 1, time_s), np.append(0.0, value)
    return np.interp(edges, time_s, value)
