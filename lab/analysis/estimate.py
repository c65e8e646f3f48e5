"""A figure with its interval, both within one run.

The interval is a block bootstrap: one-second blocks are drawn with replacement, so that what happens within a second
stays together (Künsch 1989, https://doi.org/10.1214/aos/1176347265). It says how much the figure would move had this
run's seconds come in another mixture; it claims nothing about the next run (`ARCHITECTURE.md` D36).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

WITHIN: Final = "within this run"
COVERAGE: Final = 0.95
RESAMPLES: Final = 1_000
MIN_BLOCKS: Final = 5
"""Fewer seconds than this hold too few mixtures to speak of an interval."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """A figure, its interval, and what a reader should know.

    Attributes:
        value: None where there is too little to say anything.
        low: Lower end of the 95 % interval within this run; None where there is no interval.
        high: Upper end.
        note: Why something is missing, or how the figure is to be read.
        samples: How many observations it rests on.
    """

    value: float | None
    low: float | None = None
    high: float | None = None
    note: str = ""
    samples: int = 0


def ends(resampled: NDArray[np.float64]) -> tuple[float, float]:
    """The 95 % interval of a resampled figure."""
    tail = (1 - COVERAGE) / 2
    low, high = np.quantile(resampled, (tail, 1 - tail))
    return float(low), float(high)


def resample(block_count: int, figure: Callable[[NDArray[np.int64]], float], *, seed: int) -> NDArray[np.float64]:
    """A figure for each of 1,000 drawings; *figure* gets how often each block was drawn."""
    drawings = np.random.default_rng(seed).multinomial(block_count, np.full(block_count, 1 / block_count), RESAMPLES)
    return np.array([figure(drawn) for drawn in drawings])
