"""Recovery: from a fault to the first instant after which everything holds."""

from collections.abc import Sequence

import pytest

from lab.analysis.recovery import recovery_s, usual_backlog
from lab.model import NANOS, FaultRecord, Series
from tests.unit.analysis.builders import START_NS, series

FAULT = FaultRecord("kill", "process-worker", START_NS + 10 * NANOS, START_NS + 12 * NANOS)


def backlog(values: Sequence[float], *, start: float = 0.5) -> Series:
    """Return the backlog, sampled every second."""
    return series("lab_stream_backlog", {}, [(start + at, value) for at, value in enumerate(values)])


def test_recovery_ends_when_the_backlog_is_as_usual_again() -> None:
    """Ten quiet seconds, five seconds of backlog, quiet again."""
    estimate = recovery_s(FAULT, backlog([5] * 10 + [400, 900, 700, 300, 80] + [4] * 6))
    assert estimate.value == pytest.approx(5.5)
    assert [estimate.low, estimate.high] == pytest.approx([4.5, 5.5])


def test_a_backlog_that_comes_back_was_not_gone() -> None:
    """The backlog must stay usual for two seconds."""
    estimate = recovery_s(FAULT, backlog([5] * 10 + [400, 0, 500, 0, 0, 0, 0]))
    assert estimate.value == pytest.approx(3.5)


def test_a_backlog_that_never_rose_recovered_at_the_first_sample() -> None:
    """Nothing is known between fault and sample."""
    estimate = recovery_s(FAULT, backlog([5] * 20))
    assert [estimate.low, estimate.value] == pytest.approx([0.0, 0.5])


def test_a_backlog_that_stays_has_no_recovery_but_a_lower_bound() -> None:
    """How long the recovery certainly took."""
    estimate = recovery_s(FAULT, backlog([5] * 10 + [900] * 8))
    assert estimate.value is None
    assert estimate.low == pytest.approx(7.5)


def test_a_series_that_ends_too_early_proves_no_recovery() -> None:
    """One good sample at the very end does not hold."""
    assert recovery_s(FAULT, backlog([5] * 10 + [900, 900, 0])).value is None


def test_another_violated_condition_delays_recovery() -> None:
    """All objectives must hold, not the backlog alone."""
    slow = series("latency", {}, [(10.5, 80.0), (11.5, 20.0), (12.5, -40.0), (13.5, float("nan"))])
    estimate = recovery_s(FAULT, backlog([5] * 20), violations=[slow])
    assert estimate.value == pytest.approx(2.5)


def test_the_usual_backlog_is_the_95th_percentile_before_the_fault() -> None:
    """With a floor, since a loaded system is rarely empty; unknown where there are too few samples."""
    assert usual_backlog(backlog([0] * 10 + [900]), FAULT) == 0.0
    assert usual_backlog(backlog([0] * 10 + [900]), FAULT, floor=50) == 50.0
    assert usual_backlog(backlog([7, 7], start=8), FAULT) is None
    assert "fewer than 3 times" in recovery_s(FAULT, backlog([7, 7], start=8)).note
