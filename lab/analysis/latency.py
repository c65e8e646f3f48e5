"""Latency of batches, from the intended time of each (`ARCHITECTURE.md` D13, D35).

Latency from the time of the send would hide the batches that a stall kept from being sent (coordinated omission).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from lab.analysis.estimate import MIN_BLOCKS, Estimate, ends, resample
from lab.model import NANOS, OUTCOMES, Series

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from lab.model import Samples

ACKNOWLEDGED: Final = OUTCOMES.index("acknowledged")
NANOS_PER_MS: Final = 1e6
SAMPLES_PER_TAIL: Final = 10


def latency_ms(samples: Samples) -> NDArray[np.float64]:
    """Return the milliseconds from the intended time of each batch to its answer.

    A batch that was never acknowledged stays in. Its latency is the time it was waited for, and at least that of the
    slowest acknowledged batch, so that a quick refusal cannot improve a quantile.
    """
    waited = _milliseconds(samples.completed_ns - samples.intended_ns)
    acknowledged = samples.outcome == ACKNOWLEDGED
    if not acknowledged.any():
        return waited
    return np.where(acknowledged, waited, np.maximum(waited, waited[acknowledged].max()))


def schedule_delay_ms(samples: Samples) -> NDArray[np.float64]:
    """Return the milliseconds from the intended time of each batch to its send."""
    return _milliseconds(samples.sent_ns - samples.intended_ns)


def samples_needed(quantile: float) -> int:
    """Return how many samples a quantile needs, so that ten lie beyond it (`ARCHITECTURE.md` D35).

    >>> samples_needed(0.99), samples_needed(0.5)
    (1000, 20)
    """
    return round(SAMPLES_PER_TAIL / (1 - quantile))


def exact_quantile(values: NDArray[np.float64], quantile: float) -> float:
    """Return the smallest value that at least this share of all values does not exceed; NaN without values.

    >>> exact_quantile(np.arange(1.0, 101.0), 0.99)
    99.0
    """
    if not len(values):
        return float("nan")
    return float(np.quantile(values, quantile, method="inverted_cdf"))


def quantile_interval(samples: Samples, quantile: float, *, seed: int = 0) -> Estimate:
    """Return a quantile of acknowledgement latency in milliseconds, with its interval within this run.

    Args:
        samples: One row a batch.
        quantile: Between 0 and 1, for example 0.99.
        seed: Of the bootstrap; the same seed gives the same interval.

    Returns:
        An estimate without a value where there are fewer samples than `samples_needed`, and without an interval where
        they span fewer than five seconds.
    """
    if len(samples) < samples_needed(quantile):
        note = f"{len(samples):,} samples, p{100 * quantile:g} needs {samples_needed(quantile):,}"
        return Estimate(None, note=note, samples=len(samples))
    values, note = latency_ms(samples), _censored_note(samples, quantile)
    value = exact_quantile(values, quantile)
    blocks = samples.intended_ns // NANOS
    if len(np.unique(blocks)) < MIN_BLOCKS:
        few = f"no interval from fewer than {MIN_BLOCKS} s"
        return Estimate(value, note="; ".join(filter(None, (note, few))), samples=len(samples))
    low, high = _bootstrap(values, blocks, quantile, seed)
    return Estimate(value, low, high, note, len(samples))


def quantiles_over_time(samples: Samples, quantiles: Sequence[float] = (0.5, 0.99)) -> tuple[Series, ...]:
    """Return quantiles of latency in milliseconds for each second of intended time; NaN for a second without batch."""
    values, second = latency_ms(samples), samples.intended_ns // NANOS
    seconds = np.arange(int(second.max()) + 1 if len(second) else 0)
    time_s = (samples.started_ns / NANOS + seconds + 0.5).astype(np.float64)
    of_second = [values[second == number] for number in seconds]
    return tuple(
        Series(
            "acknowledgement_latency_ms",
            {"quantile": f"{quantile:g}"},
            time_s,
            np.array([exact_quantile(part, quantile) for part in of_second]),
        )
        for quantile in quantiles
    )


def _milliseconds(nanos: NDArray[np.int64]) -> NDArray[np.float64]:
    return nanos / NANOS_PER_MS


def _censored_note(samples: Samples, quantile: float) -> str:
    share = float(np.mean(samples.outcome != ACKNOWLEDGED))
    if not share:
        return ""
    bound = ", so this is a lower bound" if share > 1 - quantile else ""
    return f"{100 * share:.2g} % of the batches were never acknowledged{bound}"


def _bootstrap(
    values: NDArray[np.float64], blocks: NDArray[np.int64], quantile: float, seed: int
) -> tuple[float, float]:
    """Return both ends of the interval; values are sorted once, and a drawing weighs them by its blocks."""
    present, block = np.unique(blocks, return_inverse=True)
    order = np.argsort(values)
    ordered, block_of_ordered = values[order], block[order]

    def figure(drawn: NDArray[np.int64]) -> float:
        reached = np.cumsum(drawn[block_of_ordered])
        rank = max(1, int(np.ceil(quantile * reached[-1])))
        return float(ordered[np.searchsorted(reached, rank)])

    return ends(resample(len(present), figure, seed=seed))
