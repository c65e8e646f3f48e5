"""Counters: what they grew by in a window, and per second."""

import pytest

from lab.analysis.agreement import COUNTER
from lab.analysis.counters import increase, increases, rate
from lab.model import NANOS, Window
from tests.unit.analysis.builders import START_NS, WORKER, counter, up

WINDOW = Window(START_NS, START_NS + 20 * NANOS)
EARLY = [(-2.0, 1.0), (-0.5, 2.0), (10.0, 3.0), (19.5, 4.0), (25.0, 90.0)]
LATE = [(12.0, 0.5), (19.0, 2.0)]


def test_an_increase_is_that_of_the_window() -> None:
    """Last sample of the window minus the last before it; a late process began at 0."""
    assert [increase(counter(points), WINDOW) for points in (EARLY, LATE)] == [2.0, 2.0]
    assert increase(counter([]), WINDOW) == 0.0
    assert increase(counter([(25.0, 90.0)]), WINDOW) == 0.0


def test_increases_are_told_by_process() -> None:
    """Two series of one process add up; other metrics are left out."""
    series = [counter(EARLY), counter(LATE), counter([(5.0, 7.0)], instance="worker-2"), up([1.0, 2.0])]
    assert increases(series, COUNTER, WINDOW) == {WORKER: 4, "worker-2": 7}


def test_a_rate_adds_processes_together() -> None:
    """Counters are read between scrapes; a process that began later began at 0."""
    window = Window(START_NS, START_NS + 4 * NANOS)
    first = counter([(-1, 1_000), (4, 1_500)])
    second = counter([(2, 50), (4, 250)], instance="worker-2")
    assert rate([first, second], window).value.tolist() == pytest.approx([100, 150, 200, 200])
    assert rate([], window).value.tolist() == [0.0] * 4
