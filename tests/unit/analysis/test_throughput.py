"""Rates from samples."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lab.analysis.throughput import acknowledged_rate, offered_rate, throughput_interval
from tests.unit.analysis.builders import samples


def test_offered_events_are_binned_by_their_intended_time() -> None:
    """A late answer changes what is acknowledged when, not what was offered."""
    measured = samples([1.0] * 100 + [1_500.0] * 100, events=5)
    assert offered_rate(measured).value.tolist() == [500.0, 500.0]
    assert acknowledged_rate(measured).value.tolist() == [500.0, 0.0, 250.0, 250.0]


def test_refused_events_are_not_acknowledged() -> None:
    """Only acknowledgements count."""
    measured = samples(np.ones(100), outcome=np.repeat([1, 2], 50))
    assert acknowledged_rate(measured).value.tolist() == [50.0]


def test_throughput_does_not_depend_on_the_latency() -> None:
    """A constant latency shifts every acknowledgement, and the rate stays."""
    for latency in (1.0, 800.0):
        estimate = throughput_interval(samples(np.full(2_000, latency), events=10))
        assert estimate.value == pytest.approx(1_000.0)
        assert estimate.low is not None
        assert estimate.high is not None
        assert estimate.low <= 1_000.0 <= estimate.high


def test_a_system_that_falls_behind_has_the_rate_of_its_answers() -> None:
    """Offered 1,000/s, answered 500/s."""
    batches = np.arange(1_000)
    estimate = throughput_interval(samples(batches * 10.0 + 5.0, events=10))
    assert estimate.value == pytest.approx(500.0, rel=0.01)


@pytest.mark.parametrize(("outage_s", "left"), [(1, 0.95), (5, 0.75), (19, 0.05)])
@pytest.mark.parametrize("outcome", [1, 2, 3])
def test_an_outage_at_the_end_counts(outage_s: int, left: float, outcome: int) -> None:
    """Whether its batches are acknowledged late, refused, or never heard of: the window is the intended one."""
    intended_s = np.arange(2_000) / 100
    late = intended_s >= 20 - outage_s
    latency, outcomes = np.where(late, 1e3 * (25 - intended_s), 3.0), np.where(late, outcome, 1)
    estimate = throughput_interval(samples(latency, outcome=outcomes))
    assert estimate.value == pytest.approx(100.0 * left, rel=0.01)


@given(st.lists(st.floats(0.1, 9_000), min_size=60, max_size=400), st.floats(1, 50), st.integers(0, 9))
def test_the_rate_lies_within_its_own_interval(latency: list[float], per_second: float, seed: int) -> None:
    """Whatever the latencies, and whatever length the last second has."""
    estimate = throughput_interval(samples(latency, per_second=per_second), seed=seed)
    assert estimate.value is not None
    if estimate.low is not None and estimate.high is not None:
        assert estimate.low <= estimate.value <= estimate.high


def test_nothing_acknowledged_is_a_rate_of_nothing() -> None:
    """It was offered, and nobody took it."""
    assert throughput_interval(samples(np.ones(1_000), outcome=2)).value == 0.0


def test_one_batch_is_no_rate() -> None:
    """A rate needs a beginning and an end."""
    assert throughput_interval(samples([1.0])).value is None
