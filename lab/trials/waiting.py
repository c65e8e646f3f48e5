"""Waits for a condition of a stack."""

from collections.abc import Callable

from lab.errors import LabError
from lab.load.port import never
from lab.waiting import Polls


def await_condition(
    condition: Callable[[], bool], *, seconds: float, every_s: float, hurried: Callable[[], bool] = never
) -> bool:
    """Return whether *condition* came true in time; a poll that the stack does not answer is repeated.

    Args:
        condition: What is awaited.
        seconds: How long.
        every_s: Seconds between two polls.
        hurried: Returns whether the wait shall end now.

    Raises:
        LabError: The last poll, at the end of the time, was not answered.
    """
    polls = Polls(within_s=seconds, every_s=every_s)
    while not hurried():
        try:
            if condition():
                return True
        except LabError:
            if not polls.another():
                raise
        else:
            if not polls.another():
                return False
    return False
