"""A log-linear histogram of durations: fixed buckets, so that any two of them merge exactly.

Every power of two is cut into `SUBDIVISIONS` equal buckets, which bounds the relative width of a bucket by
1 / SUBDIVISIONS = 0.8 % (the layout of HdrHistogram, http://hdrhistogram.org, with binary digits).
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

SUBDIVISIONS: Final = 128
SMALLEST_S: Final = 1e-9
"""Durations are counted in no finer step than this; 0 and what a clock step made negative land here."""


@dataclass(frozen=True, slots=True)
class Histogram:
    """Durations in seconds, bucketed.

    Attributes:
        bucket: Bucket numbers, ascending, int64.
        count: How many durations fell into each.
        minimum_s: Smallest duration; NaN when empty.
        maximum_s: Largest duration; NaN when empty.
        sum_s: Sum of the durations.
    """

    bucket: NDArray[np.int64]
    count: NDArray[np.int64]
    minimum_s: float
    maximum_s: float
    sum_s: float

    @classmethod
    def of(cls, seconds: ArrayLike) -> "Histogram":
        """Bucket durations in bulk.

        >>> Histogram.of([0.001, 0.002, 0.004]).total
        3
        """
        values = np.maximum(np.asarray(seconds, np.float64), SMALLEST_S)
        if len(values) == 0:
            return cls(np.empty(0, np.int64), np.empty(0, np.int64), float("nan"), float("nan"), 0.0)
        mantissa, exponent = np.frexp(values)
        number = exponent.astype(np.int64) * SUBDIVISIONS + ((2 * mantissa - 1) * SUBDIVISIONS).astype(np.int64)
        bucket, count = np.unique(number, return_counts=True)
        return cls(bucket, count, float(values.min()), float(values.max()), float(values.sum()))

    @classmethod
    def merge(cls, histograms: Iterable["Histogram"]) -> "Histogram":
        """The histogram of all their durations together."""
        parts = [part for part in histograms if part.total]
        if not parts:
            return cls.of([])
        bucket, where = np.unique(np.concatenate([part.bucket for part in parts]), return_inverse=True)
        count = np.bincount(where, np.concatenate([part.count for part in parts])).astype(np.int64)
        return cls(
            bucket,
            count,
            min(part.minimum_s for part in parts),
            max(part.maximum_s for part in parts),
            sum(part.sum_s for part in parts),
        )

    @property
    def total(self) -> int:
        """How many durations it holds."""
        return int(self.count.sum())

    def quantile(self, quantile: float) -> float:
        """Seconds below which the given share of the durations lies, to within half a bucket; NaN when empty."""
        if not self.total:
            return float("nan")
        rank = max(1, int(np.ceil(quantile * self.total)))
        number = int(self.bucket[np.searchsorted(np.cumsum(self.count), rank)])
        lower, upper = bucket_bounds(number)
        return min(max((lower + upper) / 2, self.minimum_s), self.maximum_s)


def bucket_bounds(number: int) -> tuple[float, float]:
    """Lower (inclusive) and upper (exclusive) bound of a bucket, in seconds."""
    exponent, step = divmod(number, SUBDIVISIONS)
    scale = 2.0 ** (exponent - 1)
    return scale * (1 + step / SUBDIVISIONS), scale * (1 + (step + 1) / SUBDIVISIONS)
