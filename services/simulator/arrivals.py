"""Turns a load profile into a schedule of intended send times. Pure."""

import math
from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from services.contracts.limits import LARGEST_DEFAULT_BATCH

BATCHES_PER_SECOND: Final = 100
ROUNDING: Final = 1e-9


@dataclass(frozen=True, slots=True)
class Schedule:
    """Batches in the order in which they are due.

    Attributes:
        offset_s: Seconds from the start to the intended time of each batch's last event, ascending, float64.
        events: Number of events of each batch, int64, same length.
    """

    offset_s: NDArray[np.float64]
    events: NDArray[np.int64]

    def __len__(self) -> int:
        """Number of batches."""
        return len(self.offset_s)


class Stretch(NamedTuple):
    """A part of a profile in which the rate changes linearly, in events per second."""

    start_s: float
    end_s: float
    from_rate: float
    to_rate: float

    @property
    def events(self) -> float:
        """Number of events: the area below the rate."""
        return (self.from_rate + self.to_rate) / 2 * (self.end_s - self.start_s)

    def moment_s(self, events: float) -> float:
        """Return when *events* events of this stretch are due: r0 x + (r1 - r0) / (2 L) x^2 = events, solved for x."""
        slope = (self.to_rate - self.from_rate) / (self.end_s - self.start_s)
        root = math.sqrt(max(0.0, self.from_rate**2 + 2 * slope * events))
        # A rate of 0 has no events but those of a rounding error.
        elapsed = 2 * events / (self.from_rate + root) if self.from_rate + root else 0.0
        return min(self.start_s + elapsed, self.end_s)


def default_batch(rate: float) -> int:
    """Return the events per call that make about a hundred calls a second.

    >>> default_batch(1000), default_batch(20), default_batch(1e6)
    (10, 1, 500)
    """
    return int(min(max(rate / BATCHES_PER_SECOND, 1), LARGEST_DEFAULT_BATCH))


def constant(rate: float, duration_s: float) -> list[Stretch]:
    """Return one stretch with the same rate throughout."""
    return [Stretch(0.0, duration_s, rate, rate)]


def step(rates: Sequence[float], duration_s: float) -> list[Stretch]:
    """Return a stretch for each rate, all of the same length."""
    part = duration_s / len(rates)
    return [Stretch(i * part, (i + 1) * part, rate, rate) for i, rate in enumerate(rates)]


def ramp(from_rate: float, to_rate: float, duration_s: float) -> list[Stretch]:
    """Return one stretch from one rate to another."""
    return [Stretch(0.0, duration_s, from_rate, to_rate)]


def burst(base_rate: float, peak_rate: float, *, period_s: float, burst_s: float, duration_s: float) -> list[Stretch]:
    """Return stretches with the peak rate for the first part of every period, and the base rate for the rest."""
    stretches = []
    for i in range(math.ceil(duration_s / period_s - ROUNDING)):
        bounds = (i * period_s, i * period_s + burst_s, (i + 1) * period_s)
        start, middle, end = (min(bound, duration_s) for bound in bounds)
        stretches += [Stretch(start, middle, peak_rate, peak_rate), Stretch(middle, end, base_rate, base_rate)]
    return [stretch for stretch in stretches if stretch.end_s > stretch.start_s]


def schedule(stretches: Sequence[Stretch], *, batch_events: int = 0) -> Schedule:
    """Return batches of *batch_events* events; 0 lets the size follow the rate.

    The number of events is the area below the rate, rounded down. The last batch holds the rest.
    """
    ends = list(accumulate(stretch.events for stretch in stretches))
    total = math.floor(ends[-1] + ROUNDING)
    # Arrays hold the millions of batches of a day in a quarter of the memory of lists.
    offsets, sizes, due = array("d"), array("q"), 0
    while due < total:
        size = min(batch_events or default_batch(_rate_at(stretches, ends, due)), total - due)
        due += size
        offsets.append(_moment_s(stretches, ends, due))
        sizes.append(size)
    return Schedule(np.array(offsets, np.float64), np.array(sizes, np.int64))


def _moment_s(stretches: Sequence[Stretch], ends: Sequence[float], number: float) -> float:
    """Return when event *number* is due, counted from 1."""
    at = min(bisect_left(ends, number - ROUNDING), len(ends) - 1)
    return stretches[at].moment_s(number - (ends[at - 1] if at else 0.0))


def _rate_at(stretches: Sequence[Stretch], ends: Sequence[float], number: int) -> float:
    """Return the rate at which the event after *number* is due."""
    at = min(bisect_right(ends, number + ROUNDING), len(ends) - 1)
    stretch = stretches[at]
    elapsed_s = stretch.moment_s(max(0.0, number - (ends[at - 1] if at else 0.0))) - stretch.start_s
    share = elapsed_s / (stretch.end_s - stretch.start_s)
    return stretch.from_rate + (stretch.to_rate - stretch.from_rate) * share


def poisson(rate: float, duration_s: float, *, seed: int, batch_events: int = 0) -> Schedule:
    """Return batches with exponential gaps, *rate* events per second on average. The same seed gives the same gaps."""
    size = batch_events or default_batch(rate)
    draw = np.random.default_rng(seed)
    offsets = array("d")
    moment = draw.exponential(size / rate)
    while moment < duration_s:
        offsets.append(moment)
        moment += draw.exponential(size / rate)
    return Schedule(np.array(offsets, np.float64), np.full(len(offsets), size, np.int64))


def trace(offset_s: ArrayLike, *, batch_events: int = 0) -> Schedule:
    """Return batches of consecutive events. A batch is due with its last event.

    Args:
        offset_s: Seconds from the start to each event, ascending.
        batch_events: Events of a batch; 0 lets the size follow the average rate.
    """
    offsets = np.asarray(offset_s, np.float64)
    span = float(offsets[-1]) if len(offsets) else 0.0
    size = batch_events or default_batch(len(offsets) / span if span > 0 else math.inf)
    last = (
        np.append(np.arange(size - 1, len(offsets) - 1, size), len(offsets) - 1) if len(offsets) else np.empty(0, int)
    )
    return Schedule(offsets[last], np.diff(last, prepend=-1).astype(np.int64))


def event_offsets(schedule_: Schedule, first: int, end: int) -> list[NDArray[np.float64]]:
    """Return the offsets in seconds of the events of batches *first* … *end*-1, an array for each batch.

    The events of a batch are spread evenly between the time of the batch before it and its own time.
    """
    bounds = np.concatenate(([0.0], schedule_.offset_s))
    return [
        bounds[i] + (bounds[i + 1] - bounds[i]) * np.arange(1, schedule_.events[i] + 1) / schedule_.events[i]
        for i in range(first, end)
    ]


def cut(schedule_: Schedule, events: int) -> Schedule:
    """Return the beginning of a schedule, with at most *events* events."""
    ends = np.cumsum(schedule_.events)
    if not len(ends) or ends[-1] <= events:
        return schedule_
    number = int(np.searchsorted(ends, events, side="left")) + 1
    sizes = schedule_.events[:number].copy()
    sizes[-1] -= ends[number - 1] - events
    return Schedule(schedule_.offset_s[:number], sizes)
