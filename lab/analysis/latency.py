"""Latency of batches, from the intended time of each (`ARCHITECTURE.md` D13, D35).

Latency from the time of the send would hide the batches that a stall kept from being sent (coordinated omission).
"""

from __future__ import annotations

import math
from fractions import Fraction
from typing import TYPE_CHECKING, Final

import numpy as np

from lab.analysis.estimate import MIN_BLOCKS, Estimate, block_of, ends, resample
from lab.model import NANOS, OUTCOMES, Series

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from lab.model import Samples

ACKNOWLEDGED: Final = OUTCOMES.index("acknowledged")
NANOS_PER_MS: Final = 1e6
SAMPLES_PER_TAIL: Final = 10
"""Samples that must lie beyond a quantile (`ARCHITECTURE.md` D35)."""
CANDIDATES: Final = 4_096
"""Values that an end of an interval may have; more make a long run slow and the interval no wider."""


def latency_ms(samples: Samples) -> NDArray[np.float64]:
    """Return the milliseconds from the intended time of each batch to its acknowledgement.

    A batch that was never acknowledged has an infinite latency. It stays among the others, so that neither a quick
    refusal nor a time-out can improve a quantile.
    """
    waited = _milliseconds(samples.completed_ns - samples.intended_ns)
    return np.where(samples.outcome == ACKNOWLEDGED, waited, np.inf)


def schedule_delay_ms(samples: Samples) -> NDArray[np.float64]:
    """Return the milliseconds from the intended time of each batch to its send."""
    return _milliseconds(samples.sent_ns - samples.intended_ns)


def samples_needed(quantile: float) -> int:
    """Return how many samples a quantile needs, so that ten lie beyond it (`ARCHITECTURE.md` D35).

    >>> samples_needed(0.99), samples_needed(0.5)
    (1000, 20)
    """
    return math.ceil(SAMPLES_PER_TAIL / (1 - _exactly(quantile)))


def rank_of(quantile: float, count: int) -> int:
    """Return the rank of a quantile among so many ordered values, counted from 1: the first that reaches the share.

    The arithmetic is exact: a share such as 0.07 is seven hundredths, not the nearest binary fraction.

    >>> rank_of(0.07, 100), rank_of(0.99, 1000), rank_of(0.5, 3)
    (7, 990, 2)
    """
    return max(1, math.ceil(_exactly(quantile) * count))


def exact_quantile(values: NDArray[np.float64], quantile: float) -> float:
    """Return the smallest value that at least this share of all values does not exceed; NaN without values.

    >>> exact_quantile(np.arange(1.0, 101.0), 0.99)
    99.0
    """
    if not len(values):
        return float("nan")
    index = rank_of(quantile, len(values)) - 1
    return float(np.partition(values, index)[index])


def quantile_interval(samples: Samples, quantile: float, *, seed: int = 0) -> Estimate:
    """Return a quantile of acknowledgement latency in milliseconds, with its interval within this run.

    Args:
        samples: One row a batch.
        quantile: Between 0 and 1, for example 0.99.
        seed: Of the bootstrap; the same seed gives the same interval.

    Returns:
        The quantile. There is no value where no batch was acknowledged, or where there are fewer samples than
        `samples_needed`. The value is infinite where a share above 1 - quantile was never acknowledged. There is no
        interval where the samples span fewer than five seconds.
    """
    if len(samples) and not (samples.outcome == ACKNOWLEDGED).any():
        return Estimate(None, note=f"none of {len(samples):,} batches was acknowledged", samples=len(samples))
    if len(samples) < samples_needed(quantile):
        note = f"{len(samples):,} samples, p{100 * quantile:g} needs {samples_needed(quantile):,}"
        return Estimate(None, note=note, samples=len(samples))
    values, note = latency_ms(samples), _never_acknowledged(samples)
    value = exact_quantile(values, quantile)
    blocks = block_of(samples.intended_ns)
    if len(np.unique(blocks)) < MIN_BLOCKS:
        few = f"no interval from fewer than {MIN_BLOCKS} s"
        return Estimate(value, note="; ".join(filter(None, (note, few))), samples=len(samples))
    low, high = _bootstrap(values, blocks, quantile, seed)
    return Estimate(value, low, high, note, len(samples))


def quantiles_over_time(samples: Samples, quantiles: Sequence[float] = (0.5, 0.99)) -> tuple[Series, ...]:
    """Return quantiles of latency in milliseconds for each second of intended time; NaN for a second without batch."""
    order = np.argsort(samples.intended_ns, kind="stable")
    values, second = latency_ms(samples)[order], samples.intended_ns[order] // NANOS
    seconds = np.arange(int(second[-1]) + 1 if len(second) else 0)
    time_s = (samples.started_ns / NANOS + seconds + 0.5).astype(np.float64)
    of_second = np.split(values, np.searchsorted(second, seconds[1:]))
    return tuple(
        Series(
            "acknowledgement_latency_ms",
            {"quantile": f"{quantile:g}"},
            time_s,
            np.array([exact_quantile(part, quantile) for part in of_second[: len(seconds)]]),
        )
        for quantile in quantiles
    )


def _milliseconds(nanos: NDArray[np.int64]) -> NDArray[np.float64]:
    return nanos / NANOS_PER_MS


def _exactly(quantile: float) -> Fraction:
    """Return a quantile as the decimal fraction that a person wrote."""
    return Fraction(str(float(quantile)))


def _never_acknowledged(samples: Samples) -> str:
    share = float(np.mean(samples.outcome != ACKNOWLEDGED))
    return f"{100 * share:.2g} % of the batches were never acknowledged" if share else ""


def _bootstrap(
    values: NDArray[np.float64], blocks: NDArray[np.int64], quantile: float, seed: int
) -> tuple[float, float]:
    """Return both ends of the interval.

    A drawing says how often each block counts. The quantile of the drawing is read from a table: for each block, how
    many of its values do not exceed each candidate.
    """
    present, block = np.unique(blocks, return_inverse=True)
    candidates = _candidates(values, quantile)
    place = block * len(candidates) + np.searchsorted(candidates, values)
    table = np.bincount(place, minlength=len(present) * len(candidates)).reshape(len(present), -1).cumsum(axis=1)

    def figure(drawn: NDArray[np.int64]) -> float:
        reached = drawn @ table
        return float(candidates[np.searchsorted(reached, rank_of(quantile, int(reached[-1])))])

    return ends(resample(len(present), figure, seed=seed))


def _candidates(values: NDArray[np.float64], quantile: float) -> NDArray[np.float64]:
    """Return the values that an end of the interval may have, in order.

    These are all values of a short run. Of a long run they are half evenly spread over all ranks, half over those that
    lie around the quantile and beyond.
    """
    ordered = np.unique(values)
    if len(ordered) <= CANDIDATES:
        return ordered
    ordered = np.sort(values)
    last, near = len(ordered) - 1, max(0.0, 1 - 2 * (1 - quantile))
    ranks = np.concatenate([np.linspace(0, last, CANDIDATES // 2), np.linspace(near * last, last, CANDIDATES // 2)])
    return np.unique(ordered[np.ceil(ranks).astype(np.int64)])
