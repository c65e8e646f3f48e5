"""A load profile becomes a schedule of intended send times."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.simulator import arrivals
from services.simulator.arrivals import Schedule, Stretch


def rate_between(schedule: Schedule, start_s: float, end_s: float) -> float:
    """Return the events per second that are due between two times."""
    inside = (schedule.offset_s > start_s) & (schedule.offset_s <= end_s)
    return float(schedule.events[inside].sum() / (end_s - start_s))


@pytest.mark.parametrize(
    ("stretches", "events"),
    [
        (arrivals.constant(1_000, 2), 2_000),
        (arrivals.step((100, 300), 4), 800),
        (arrivals.ramp(0, 1_000, 2), 1_000),
        (arrivals.ramp(1_000, 0, 2), 1_000),
        (arrivals.burst(10, 100, period_s=1, burst_s=0.5, duration_s=2), 110),
        (arrivals.burst(0, 100, period_s=1, burst_s=0.25, duration_s=3), 75),
        (arrivals.constant(0.3, 10), 3),
    ],
)
def test_the_number_of_events_is_the_area_below_the_rate(stretches: list[Stretch], events: int) -> None:
    """Rounded down once, not once per stretch."""
    schedule = arrivals.schedule(stretches)
    assert int(schedule.events.sum()) == events


def test_a_batch_is_due_with_its_last_event() -> None:
    """At a thousand events per second, a batch of ten is due every ten milliseconds."""
    schedule = arrivals.schedule(arrivals.constant(1_000, 1))
    assert schedule.offset_s[:3] == pytest.approx([0.01, 0.02, 0.03])
    assert schedule.events[:3].tolist() == [10, 10, 10]


def test_the_last_batch_holds_the_rest() -> None:
    """It is smaller than the others."""
    assert arrivals.schedule(arrivals.constant(10, 1), batch_events=4).events.tolist() == [4, 4, 2]


def test_a_ramp_gets_denser() -> None:
    """The rate at each moment is that of the profile."""
    schedule = arrivals.schedule(arrivals.ramp(0, 10_000, 10), batch_events=1)
    assert rate_between(schedule, 4.5, 5.5) == pytest.approx(5_000, rel=0.01)
    assert rate_between(schedule, 9, 10) == pytest.approx(9_500, rel=0.01)


def test_a_step_changes_at_once() -> None:
    """Each rate holds for its part of the duration."""
    schedule = arrivals.schedule(arrivals.step((100, 1_000), 2), batch_events=1)
    assert (rate_between(schedule, 0, 1), rate_between(schedule, 1, 2)) == (100, 1_000)


def test_poisson_is_the_same_for_the_same_seed() -> None:
    """The gaps are exponential, with the mean of the rate."""
    first, again, other = (arrivals.poisson(1_000, 50, seed=seed, batch_events=1) for seed in (1, 1, 2))
    assert first.offset_s.tolist() == again.offset_s.tolist() != other.offset_s.tolist()
    gaps = np.diff(first.offset_s)
    assert gaps.mean() == pytest.approx(1e-3, rel=0.03)
    assert gaps.std() == pytest.approx(1e-3, rel=0.05)


def test_a_trace_keeps_its_times() -> None:
    """Consecutive events form a batch, due with the last of them."""
    schedule = arrivals.trace([0.0, 0.1, 0.2, 5.0, 5.1], batch_events=2)
    assert schedule.offset_s.tolist() == [0.1, 5.0, 5.1]
    assert schedule.events.tolist() == [2, 2, 1]


def test_a_schedule_can_be_cut_short() -> None:
    """To an exact number of events."""
    whole = arrivals.schedule(arrivals.constant(100, 1), batch_events=30)
    assert arrivals.cut(whole, 70).events.tolist() == [30, 30, 10]
    assert arrivals.cut(whole, 60).events.tolist() == [30, 30]
    assert arrivals.cut(whole, 1_000) is whole


def test_events_of_a_batch_lie_evenly_before_it() -> None:
    """From the previous batch to the batch's own time."""
    schedule = arrivals.schedule(arrivals.constant(100, 1), batch_events=4)
    assert arrivals.event_offsets(schedule, 1, 2)[0] == pytest.approx([0.05, 0.06, 0.07, 0.08])


@given(
    rates=st.lists(st.floats(0, 5_000), min_size=1, max_size=5).filter(any),
    duration_s=st.floats(0.1, 20),
    batch=st.integers(0, 50),
)
def test_whatever_the_steps_the_schedule_is_in_order(rates: list[float], duration_s: float, batch: int) -> None:
    """Ascending, within the duration, and with as many events as the area below the rate."""
    schedule = arrivals.schedule(arrivals.step(rates, duration_s), batch_events=batch)
    assert bool(np.all(np.diff(schedule.offset_s) >= 0))
    assert bool(np.all((schedule.offset_s >= 0) & (schedule.offset_s <= duration_s * (1 + 1e-9))))
    area = sum(rates) * duration_s / len(rates)
    assert abs(int(schedule.events.sum()) - area) <= 1
