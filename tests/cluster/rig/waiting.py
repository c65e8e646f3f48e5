"""Waits for a condition with a deadline; says what did not happen."""

from collections.abc import Callable

from lab.errors import Unavailable
from lab.waiting import Polls


def wait_until(
    condition: Callable[[], bool], *, seconds: float, poll_s: float = 0.1, fault: Callable[[], Unavailable]
) -> None:
    """Return when the condition holds.

    Raises:
        Unavailable: What *fault* returns, when the condition does not hold in time.
    """
    polls = Polls(within_s=seconds, every_s=poll_s)
    while not condition():
        if not polls.another():
            raise fault()
