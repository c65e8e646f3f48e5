"""Latency from intended times, its quantiles, their intervals."""

import tracemalloc
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lab.analysis.latency import (
    exact_quantile,
    latency_ms,
    quantile_interval,
    quantiles_over_time,
    rank_of,
    samples_needed,
    schedule_delay_ms,
)
from tests.unit.analysis.builders import samples


def test_a_pause_shows_as_its_analytic_quantile() -> None:
    """A service that stands still for 200 ms in 10 s at 200 batches/s has a p99 of 100 ms.

    The pause holds the 40 batches intended within it, 2 % of all; their latencies fall evenly from 200 ms to 0, so that
    half of them, 1 % of all, lie above 100 ms.
    """
    intended_ms = np.arange(2_000) * 5.0
    latency = np.where((intended_ms >= 4_000) & (intended_ms < 4_200), 4_200 - intended_ms, 0.0)
    estimate = quantile_interval(samples(latency, per_second=200), 0.99)
    assert estimate.value == pytest.approx(100.0, abs=5.0)


def test_latency_from_the_send_would_hide_that_pause() -> None:
    """Service time leaves out how late a batch was sent; latency does not."""
    late = samples([250.0], delay_ms=200.0)
    assert latency_ms(late).tolist() == [250.0]
    assert schedule_delay_ms(late).tolist() == [200.0]
    assert (latency_ms(late) - schedule_delay_ms(late)).tolist() == [50.0]


@pytest.mark.parametrize(("never", "value"), [(10, 3.0), (11, np.inf), (999, np.inf)])
def test_more_than_one_minus_q_without_an_answer_make_a_quantile_infinite(never: int, value: float) -> None:
    """Ten of a thousand lie beyond the p99; the eleventh is its value."""
    outcome, latency = np.ones(1_000, np.int8), np.full(1_000, 3.0)
    latency[:never], outcome[:never] = 5_000.0, 3
    estimate = quantile_interval(samples(latency, outcome=outcome), 0.99)
    assert estimate.value == value
    assert f"{100 * never / 1_000:.2g} % of the batches were never acknowledged" in estimate.note


def test_a_quick_refusal_does_not_flatter() -> None:
    """A batch refused after 1 ms never got its answer."""
    assert latency_ms(samples([40.0, 3.0, 1.0], outcome=[1, 1, 2])).tolist() == [40.0, 3.0, np.inf]


def test_where_nothing_was_acknowledged_there_is_no_quantile() -> None:
    """The times of refusals are no latencies."""
    estimate = quantile_interval(samples(np.full(2_000, 9.0), outcome=2), 0.5)
    assert (estimate.value, estimate.low, estimate.high) == (None, None, None)
    assert estimate.note == "none of 2,000 batches was acknowledged"


@pytest.mark.parametrize(
    ("quantile", "count", "rank"), [(0.07, 100, 7), (0.29, 100, 29), (0.57, 100, 57), (0.999, 1_000, 999), (0.5, 3, 2)]
)
def test_ranks_are_exact(quantile: float, count: int, rank: int) -> None:
    """0.07 · 100 is 7.000000000000001 in binary fractions, and rounding that up would take the next value."""
    assert rank_of(quantile, count) == rank
    assert exact_quantile(np.arange(1.0, count + 1), quantile) == rank


def test_a_day_of_batches_is_judged_within_seconds_and_megabytes() -> None:
    """Blocks grow with the run, and the ends of the interval are looked for among a bounded number of values."""
    seconds, per_second = 86_400, 10
    latency = np.random.default_rng(2).exponential(5.0, seconds * per_second)
    day = samples(latency, per_second=per_second)
    tracemalloc.start()
    estimate = quantile_interval(day, 0.99)
    over_time = quantiles_over_time(day)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    truth = -5.0 * np.log(0.01)
    assert estimate.low is not None
    assert estimate.high is not None
    assert estimate.low <= truth <= estimate.high
    assert estimate.high - estimate.low < 0.5
    assert [len(series.time_s) for series in over_time] == [seconds, seconds]
    assert peak < 300e6


@pytest.mark.parametrize(("quantile", "needed"), [(0.5, 20), (0.9, 100), (0.99, 1_000), (0.999, 10_000)])
def test_a_quantile_needs_ten_samples_beyond_it(quantile: float, needed: int) -> None:
    """One sample fewer gives a note in place of a figure."""
    assert samples_needed(quantile) == needed
    too_few = quantile_interval(samples(np.ones(needed - 1)), quantile)
    assert too_few.value is None
    assert f"{needed - 1:,} samples" in too_few.note
    assert quantile_interval(samples(np.ones(needed)), quantile).value == 1.0


def test_the_interval_is_the_same_for_the_same_seed() -> None:
    """A replayed run gives the same to the last digit."""
    measured = samples(np.random.default_rng(7).exponential(5.0, 2_000))
    assert quantile_interval(measured, 0.9, seed=3) == quantile_interval(measured, 0.9, seed=3)
    assert quantile_interval(measured, 0.9, seed=3) != quantile_interval(measured, 0.9, seed=4)


def test_no_interval_from_four_seconds() -> None:
    """The figure stands, the interval does not."""
    estimate = quantile_interval(samples(np.ones(400)), 0.9)
    assert (estimate.value, estimate.low, estimate.high) == (1.0, None, None)
    assert "fewer than 5 s" in estimate.note


def test_the_interval_covers_the_truth_about_as_often_as_it_says() -> None:
    """Of 60 runs of independent latencies, most intervals of the p90 hold the true one."""
    truth = -10.0 * np.log(0.1)
    random = np.random.default_rng(11)
    runs = (samples(random.exponential(10.0, 2_000)) for _ in range(60))
    estimates = [quantile_interval(run, 0.9, seed=5) for run in runs]
    ends = [(estimate.low, estimate.high) for estimate in estimates]
    covering = sum(low is not None and high is not None and low <= truth <= high for low, high in ends)
    assert covering >= 48


@given(st.lists(st.floats(0.1, 1e4), min_size=20, max_size=200), st.integers(0, 9))
def test_figure_and_interval_lie_among_the_samples(latency: list[float], seed: int) -> None:
    """Nothing is extrapolated; the figure is one of the samples."""
    measured = samples(latency, per_second=10)
    estimate = quantile_interval(measured, 0.5, seed=seed)
    seen = set(latency_ms(measured).tolist())
    assert estimate.value in seen
    if estimate.low is not None and estimate.high is not None:
        assert min(seen) <= estimate.low <= estimate.high <= max(seen)


@given(st.lists(st.integers(0, 50), min_size=1, max_size=60), st.floats(0.01, 0.99))
def test_the_exact_quantile_is_the_smallest_value_that_enough_do_not_exceed(values: list[int], quantile: float) -> None:
    """By counting, independently of how it is computed."""
    exact = exact_quantile(np.array(values, np.float64), quantile)
    enough = quantile * len(values) - 1e-9
    assert sum(value <= exact for value in values) >= enough
    assert sum(value < exact for value in values) < enough + 1e-6


def test_quantiles_over_time_have_a_value_a_second() -> None:
    """A second without batches is a hole, not a 0."""
    measured = samples([1.0] * 100 + [9.0] * 100)
    gap = replace(measured, intended_ns=np.where(measured.intended_ns >= 10**9, measured.intended_ns + 10**9, 0))
    (median,) = quantiles_over_time(replace(gap, completed_ns=gap.intended_ns + 10**6), [0.5])
    assert median.value.tolist() == pytest.approx([1.0, float("nan"), 1.0], nan_ok=True)
    assert np.diff(median.time_s).tolist() == [1.0, 1.0]


def test_no_samples_at_all() -> None:
    """Nothing breaks where nothing was sent."""
    nothing = samples([])
    assert quantile_interval(nothing, 0.99).value is None
    assert [len(series.time_s) for series in quantiles_over_time(nothing)] == [0, 0]
