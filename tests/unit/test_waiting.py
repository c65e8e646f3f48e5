"""A wait ends when its time is over, and not before a last poll."""

from itertools import count

import pytest

from lab.waiting import Polls


def polls(within_s: float) -> Polls:
    """Return polls on a clock that goes ten seconds at every reading."""
    ticks = count(100.0, 10.0)
    return Polls(within_s=within_s, every_s=0.0, clock=lambda: next(ticks))


@pytest.mark.parametrize(("within_s", "number"), [(0.0, 1), (9.9, 1), (10.0, 2), (35.0, 4)])
def test_the_last_poll_is_made_when_the_time_is_over(within_s: float, number: int) -> None:
    """A stack that came up just then is not missed."""
    wait, made = polls(within_s), 1
    while wait.another():
        made += 1
    assert made == number


def test_the_time_that_has_passed_counts_from_the_beginning() -> None:
    """Whether a poll follows or not."""
    wait = polls(25.0)
    assert wait.passed_s == 10.0
    assert wait.another()
    assert wait.passed_s == 30.0
    assert not wait.another()


def test_there_is_a_pause_between_two_polls() -> None:
    """A wait does not take the processor from what it waits for."""
    wait = Polls(within_s=20.0, every_s=0.05)
    assert wait.another()
    assert wait.passed_s >= 0.04
