"""Events per second: offered, and acknowledged (the goodput)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from lab.analysis.estimate import MAX_BLOCKS, MIN_BLOCKS, Estimate, ends, resample
from lab.analysis.latency import ACKNOWLEDGED
from lab.model import NANOS, Series, Window

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
    """Return the acknowledged events per second of the intended time, with the interval within this run.

    The intended time is that of the whole load: an outage at its end counts. The count of acknowledgements begins at
    the quickest possible acknowledgement, and lasts as long as the intended time. A constant latency does not change
    the rate.
    """
    if len(samples) < 2 or samples.intended_ns[-1] == samples.intended_ns[0]:
        return Estimate(None, note=f"{len(samples)} batches, a rate needs two", samples=len(samples))
    intended = _intended_time(samples)
    rows = samples.outcome == ACKNOWLEDGED
    completed_ns, events = samples.completed_ns[rows], samples.events[rows]
    quickest_ns = int((completed_ns - samples.intended_ns[rows]).min(initial=np.iinfo(np.int64).max))
    since_ns = completed_ns - quickest_ns - intended.start_ns
    blocks = max(1, min(MAX_BLOCKS, round(intended.seconds)))
    block_ns = NANOS * intended.seconds / blocks
    in_time = since_ns <= NANOS * intended.seconds
    block = np.clip(np.ceil(since_ns[in_time] / block_ns).astype(np.int64) - 1, 0, None)
    per_block = np.bincount(block, events[in_time], minlength=blocks) * NANOS / block_ns
    value = float(per_block.mean())
    if blocks < MIN_BLOCKS:
        return Estimate(value, note=f"no interval from fewer than {MIN_BLOCKS} s", samples=len(events))
    low, high = ends(resample(blocks, lambda drawn: float(drawn @ per_block / blocks), seed=seed))
    return Estimate(value, min(low, value), max(high, value), samples=len(events))


def _intended_time(samples: Samples) -> Window:
    """Return the time from the start of the first batch's events to the last intended time.

    A batch is due at the time of its last event, so that the first batch begins a typical gap earlier.
    """
    first_ns, last_ns = int(samples.intended_ns.min()), int(samples.intended_ns.max())
    return Window(first_ns - (last_ns - first_ns) // (len(samples) - 1), last_ns)


def _per_second(name: str, started_ns: int, time_ns: NDArray[np.int64], events: NDArray[np.int64]) -> Series:
    rate = np.bincount(np.maximum(time_ns, 0) // NANOS, events).astype(np.float64)
    return Series(name, {}, started_ns / NANOS + np.arange(len(rate), dtype=np.float64) + 0.5, rate)
