"""What an event costs: CPU time of a service for each event that the service handles."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from lab.analysis.counters import instance_of, named
from lab.analysis.estimate import MAX_BLOCKS, MIN_BLOCKS, Estimate, ends, resample
from lab.analysis.scrapes import median_distance
from lab.model import NANOS
from lab.systems.services import PROMISED
from services.contracts.signals import PROCESS_CPU_TIME

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from lab.model import Series, Window

CPU: Final = PROCESS_CPU_TIME.prometheus_name
MILLISECONDS_PER_THOUSAND: Final = 1e6
"""Seconds an event → milliseconds for a thousand events."""


def cpu_cost(series: Sequence[Series], service: str, window: Window, *, seed: int = 0) -> Estimate:
    """Return the CPU milliseconds that a service spends on a thousand events, with the interval within this run.

    Both counters are read from scrape to scrape, and never between two scrapes. A scrape interval that reaches out of
    the window is left out, and so is the time before the first scrape of a process.

    Args:
        series: Raw samples of the service's counter of events and of the CPU time of its processes.
        service: It must promise a counter of events.
        window: CPU time and events outside it are left out.
        seed: Of the bootstrap; the same seed gives the same interval.
    """
    counters = {instance_of(counter): counter for counter in named(series, PROMISED[service])}
    spent = [used for used in named(series, CPU) if instance_of(used) in counters]
    if not spent:
        return Estimate(None, note="no series of CPU time")
    parts = [_increments(counters[instance_of(used)], used, window) for used in spent]
    block, events, spent_s = (np.concatenate(columns) for columns in zip(*parts, strict=True))
    if not events.sum():
        return Estimate(None, note="no event")
    value = MILLISECONDS_PER_THOUSAND * float(spent_s.sum() / events.sum())
    events, spent_s = np.bincount(block, events), np.bincount(block, spent_s)
    busy = (events > 0) | (spent_s > 0)
    events, spent_s = events[busy], spent_s[busy]
    if (events > 0).sum() < MIN_BLOCKS:
        few = f"no interval from fewer than {MIN_BLOCKS} scrapes with events"
        return Estimate(value, note=few, samples=round(events.sum()))
    drawn = resample(
        len(events),
        lambda times: MILLISECONDS_PER_THOUSAND * float(times @ spent_s / done) if (done := times @ events) else value,
        seed=seed,
    )
    return Estimate(value, *ends(drawn), samples=round(events.sum()))


def _increments(
    counter: Series, cpu: Series, window: Window
) -> tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.float64]]:
    """Return what one process did in each scrape interval of the window: number of the block, events, CPU seconds.

    A block is as long as a scrape interval, and at least a thousandth of the window.
    """
    time_s, of_events, of_cpu = np.intersect1d(counter.time_s, cpu.time_s, return_indices=True)
    start_s, end_s = window.start_ns / NANOS, window.end_ns / NANOS
    inside = (time_s >= start_s) & (time_s <= end_s)
    time_s, events, spent_s = time_s[inside], counter.value[of_events][inside], cpu.value[of_cpu][inside]
    length_s = max(median_distance(time_s), window.seconds / MAX_BLOCKS)
    block = np.floor((time_s[1:] - start_s) / length_s).astype(np.int64)
    return block, np.diff(events), np.diff(spent_s)
