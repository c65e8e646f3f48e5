"""Events per second: offered, and acknowledged (the goodput)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from lab.analysis.estimate import MIN_BLOCKS, Estimate, ends, resample
from lab.analysis.latency import ACKNOWLEDGED
from lab.model import NANOS, Series

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from lab.model import Samples


def offered_rate(samples: Samples) -> Series:
    """Return the offered events per second, by their intended time, one value a second."""
    return _per_second("offered", samples.started_ns, samples.intended_ns, samples.events)


def acknowledged_rate(samples: Samples) -> Series:
    """Return the acknowledged events per second, by the time of the acknowledgement, one value a second."""
    rows = samples.outcome == ACKNOWLEDGED
    return _per_second("acknowledged", samples.started_ns, samples.completed_ns[rows], samples.events[rows])


def throughput_interval(samples: Samples, *, seed: int = 0) -> Estimate:
    """Return the acknowledged events per second, with the interval within this run.

    The rate is taken between the first and the last acknowledgement, so that a constant latency does not change it.
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
