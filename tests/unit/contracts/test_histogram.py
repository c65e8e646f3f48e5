"""Histograms merge exactly; their quantiles stay within 0.8 % of the truth."""

import math
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.contracts.histogram import SMALLEST_S, SUBDIVISIONS, Histogram, bucket_bounds

DURATIONS = st.floats(1e-6, 1e4)
MANY = st.lists(DURATIONS, min_size=1, max_size=80)


@given(parts=st.lists(st.lists(DURATIONS, max_size=40), min_size=1, max_size=5))
def test_merging_equals_bucketing_everything_at_once(parts: Sequence[list[float]]) -> None:
    """Empty parts included; only the order of the additions in the sum differs."""
    merged = Histogram.merge(Histogram.of(part) for part in parts)
    whole = Histogram.of([duration for part in parts for duration in part])

    assert merged.bucket.tolist() == whole.bucket.tolist()
    assert merged.count.tolist() == whole.count.tolist()
    assert (merged.minimum_s, merged.maximum_s) == pytest.approx((whole.minimum_s, whole.maximum_s), nan_ok=True)
    assert merged.sum_s == pytest.approx(whole.sum_s)


@given(durations=MANY, quantile=st.floats(0.001, 1.0))
def test_a_quantile_is_within_a_bucket_of_the_exact_one(durations: list[float], quantile: float) -> None:
    """Exact means the value at rank ceil(q · n) of the sorted durations."""
    exact = sorted(durations)[max(1, math.ceil(quantile * len(durations))) - 1]

    assert Histogram.of(durations).quantile(quantile) == pytest.approx(exact, rel=1 / SUBDIVISIONS)


@given(duration=st.floats(SMALLEST_S, 1e6))
def test_a_duration_lies_in_its_bucket(duration: float) -> None:
    """Lower bound inclusive, upper bound exclusive; neighbours touch."""
    [number] = Histogram.of([duration]).bucket.tolist()
    lower, upper = bucket_bounds(number)

    assert lower <= duration < upper
    assert bucket_bounds(number + 1)[0] == upper
    assert (upper - lower) / lower <= 1 / SUBDIVISIONS


@pytest.mark.parametrize("duration", [0.0, -0.0, -1.0])
def test_no_duration_is_too_small_to_count(duration: float) -> None:
    """A duration that a clock step made zero or negative is kept as the smallest one, never dropped."""
    histogram = Histogram.of([duration])

    assert (histogram.total, histogram.minimum_s) == (1, SMALLEST_S)


def test_an_empty_histogram_has_no_quantile() -> None:
    """Nothing measured is not zero seconds."""
    empty = Histogram.of([])

    assert empty.total == 0
    assert math.isnan(empty.quantile(0.99))
    assert math.isnan(Histogram.merge([]).quantile(0.99))


def test_extremes_are_exact() -> None:
    """Quantile 1 is the maximum itself, not the middle of its bucket."""
    durations = np.array([0.001, 0.0123, 4.56789])

    assert Histogram.of(durations).quantile(1.0) == pytest.approx(4.56789, rel=1 / SUBDIVISIONS)
    assert Histogram.of([0.0123]).quantile(0.5) == 0.0123
