"""Recovery: from a fault to the first instant after which everything holds."""

from collections.abc import Sequence

import pytest

from lab.analysis.estimate import Estimate
from lab.analysis.recovery import DETECTION_S, recovery_s, usual_backlog
from lab.model import NANOS, FaultRecord, Series
from services.contracts.takeover import LOOKS_PER_IDLE_TIME
from services.process_worker.settings import WorkerSettings
from tests.unit.analysis.builders import START_NS, series

FAULT = FaultRecord("kill", "process-worker", START_NS + 10 * NANOS, START_NS + 12 * NANOS)


def recovered(looks: Series, *, violations: Sequence[Series] = (), quiet_until_s: float = 10.0) -> Estimate:
    """Return the recovery from the fault, where every effect has begun within a second: it must hold for 3 s."""
    quiet_until_ns = START_NS + round(quiet_until_s * NANOS)
    return recovery_s(FAULT, looks, quiet_until_ns=quiet_until_ns, detection_s=1.0, violations=violations)


def backlog(values: Sequence[float], *, start: float = 0.5) -> Series:
    """Return the backlog, sampled every second."""
    return series("lab_stream_backlog", {}, [(start + at, value) for at, value in enumerate(values)])


def test_every_effect_of_a_fault_has_begun_when_a_worker_is_relieved() -> None:
    """Its entries are idle after the idle time, just after a look for them; a worker with defaults waits so long."""
    idle_s = WorkerSettings.model_fields["worker_idle_s"].default
    assert DETECTION_S == idle_s + idle_s / LOOKS_PER_IDLE_TIME == 7.5


def test_recovery_ends_when_the_backlog_is_as_usual_again() -> None:
    """Ten quiet seconds, five seconds of backlog, quiet again."""
    estimate = recovered(backlog([5] * 10 + [400, 900, 700, 300, 80] + [4] * 6))
    assert estimate.value == pytest.approx(5.5)
    assert [estimate.low, estimate.high] == pytest.approx([4.5, 5.5])


def test_a_backlog_that_comes_back_was_not_gone() -> None:
    """The backlog must stay usual for the detection time and two looks."""
    estimate = recovered(backlog([5] * 10 + [400, 0, 500, 0, 0, 0, 0]))
    assert estimate.value == pytest.approx(3.5)


def test_a_backlog_that_never_rose_recovered_at_the_first_sample() -> None:
    """Nothing is known between fault and sample."""
    estimate = recovered(backlog([5] * 20))
    assert [estimate.low, estimate.value] == pytest.approx([0.0, 0.5])


def test_a_backlog_that_stays_has_no_recovery_but_a_lower_bound() -> None:
    """How long the recovery certainly took."""
    estimate = recovered(backlog([5] * 10 + [900] * 8))
    assert estimate.value is None
    assert estimate.low == pytest.approx(7.5)


def test_a_series_that_ends_too_early_proves_no_recovery() -> None:
    """One good sample at the very end does not hold."""
    assert recovered(backlog([5] * 10 + [900, 900, 0])).value is None


def test_another_violated_condition_delays_recovery() -> None:
    """All objectives must hold, not the backlog alone."""
    slow = series("latency", {}, [(10.5, 80.0), (11.5, 20.0), (12.5, -40.0), (13.5, float("nan"))])
    estimate = recovered(backlog([5] * 20), violations=[slow])
    assert estimate.value == pytest.approx(2.5)


def test_an_effect_that_begins_late_is_not_missed() -> None:
    """Entries of a dead worker stay unclaimed for seconds: the backlog rises 3 s after the fault, for 4 s."""
    late = backlog([5] * 13 + [400, 900, 700, 300] + [5] * 13)
    estimate = recovery_s(FAULT, late, quiet_until_ns=FAULT.started_ns)
    assert estimate.value == pytest.approx(7.5)


@pytest.mark.parametrize("lost", [range(10, 14), range(11, 16), range(12, 17)])
def test_where_nobody_looked_there_is_no_recovery(lost: range) -> None:
    """From the fault to the end of the hold time; what happened in the gap is not known."""
    full = backlog([5] * 10 + [400, 400] + [5] * 12)
    kept = [row for row in range(len(full.time_s)) if row not in lost]
    estimate = recovered(Series(full.name, full.labels, full.time_s[kept], full.value[kept]))
    assert estimate.value is None
    assert "nobody looked at the backlog for" in estimate.note


def test_the_outage_of_an_earlier_fault_is_not_usual() -> None:
    """Only what lies before the first fault is."""
    second = backlog([5] * 4 + [900] * 5 + [5] + [700, 800, 600, 500] + [5] * 6)
    assert recovered(second, quiet_until_s=4.0).value == pytest.approx(4.5)
    assert "at most 5 for" in recovered(second, quiet_until_s=4.0).note


def test_the_usual_backlog_is_the_95th_percentile_before_the_first_fault() -> None:
    """With a floor, since a loaded system is rarely empty; unknown where there are too few looks."""
    until_ns = FAULT.started_ns
    assert usual_backlog(backlog([0] * 10 + [900]), until_ns) == 0.0
    assert usual_backlog(backlog([0] * 10 + [900]), until_ns, floor=50) == 50.0
    assert usual_backlog(backlog([7, 7], start=8), until_ns) is None
    assert "fewer than 3 times" in recovered(backlog([7, 7], start=8)).note
