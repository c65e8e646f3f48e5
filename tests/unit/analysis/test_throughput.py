"""Rates from samples."""

import numpy as np
import pytest

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
    """A constant latency shifts every acknowledgement, and the rate between first and last stays."""
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
    assert estimate.value == pytest.approx(500.0)


def test_one_acknowledgement_is_no_rate() -> None:
    """A rate needs a beginning and an end."""
    assert throughput_interval(samples([1.0])).value is None
