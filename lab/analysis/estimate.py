"""A figure with its interval within one run.

The interval is a block bootstrap: blocks of one second are drawn with replacement, since samples of the same second
depend on each other (Künsch 1989, https://doi.org/10.1214/aos/1176347265). The interval says how much the figure would
move with another mixture of this run's seconds. It claims nothing about the next run (`ARCHITECTURE.md` D36).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from lab.model import NANOS

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

WITHIN: Final = "within this run"
COVERAGE: Final = 0.95
"""Share of the resampled figures that an interval holds."""
RESAMPLES: Final = 1_000
"""Drawings of one interval: 25 figures then lie beyond each end."""
MIN_BLOCKS: Final = 5
"""Fewer seconds than this give no interval: there are too few mixtures of them."""
MAX_BLOCKS: Final = 1_000
"""A run of more seconds has longer blocks, so that the memory and the time of an interval stay bounded."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """A figure with its interval.

    Attributes:
        value: None where there are too few observations.
        low: Lower end of the 95 % interval within this run; None where there is no interval.
        high: Upper end.
        note: Why value or interval is missing, or how to read the figure.
        samples: How many observations the figure rests on.
    """

    value: float | None
    low: float | None = None
    high: float | None = None
    note: str = ""
    samples: int = 0


def block_of(time_ns: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the number of the block that each time falls into; a block lasts one second, or longer in a long run."""
    seconds = int(time_ns.max(initial=0)) // NANOS + 1
    return time_ns // (NANOS * math.ceil(seconds / MAX_BLOCKS))


def ends(resampled: NDArray[np.float64]) -> tuple[float, float]:
    """Return the 95 % interval of a resampled figure; an end is infinite where so many drawings are."""
    tail = (1 - COVERAGE) / 2
    if np.isfinite(resampled).all():
        low, high = np.quantile(resampled, (tail, 1 - tail))
    else:
        low, high = np.quantile(resampled, (tail, 1 - tail), method="inverted_cdf")
    return float(low), float(high)


def resample(block_count: int, figure: Callable[[NDArray[np.int64]], float], *, seed: int) -> NDArray[np.float64]:
    """Return a figure for each of 1,000 drawings; *figure* gets how often each block was drawn."""
    random, even = np.random.default_rng(seed), np.full(block_count, 1 / block_count)
    return np.array([figure(random.multinomial(block_count, even)) for _ in range(RESAMPLES)])


def ratio(over: Estimate, under: Estimate) -> Estimate:
    """Return the ratio of two figures from independent runs, with the interval that follows from theirs.

    On a logarithmic scale the squares of the distances to both ends add up (Zou and Donner 2008,
    https://doi.org/10.1002/sim.3095).

    >>> tripled = ratio(Estimate(30.0, 27.0, 33.0), Estimate(10.0, 9.0, 11.0))
    >>> tripled.value, round(tripled.low, 2), round(tripled.high, 2)
    (3.0, 2.6, 3.46)
    """
    if over.value is None or not under.value or min(over.value, under.value) < 0:
        return Estimate(None, note="no ratio without a figure, or to a figure that is not above 0")
    if math.isinf(over.value) or math.isinf(under.value):
        return Estimate(None, note="no ratio of an infinite figure")
    value = over.value / under.value
    if not (over.low and over.high and under.low and under.high):
        return Estimate(value, note="no interval without those of both")
    if math.isinf(over.high) or math.isinf(under.high):
        return Estimate(value, note="no interval where an end is infinite")
    below = math.hypot(math.log(over.value / over.low), math.log(under.high / under.value))
    above = math.hypot(math.log(over.high / over.value), math.log(under.value / under.low))
    return Estimate(value, value * math.exp(-below), value * math.exp(above))
