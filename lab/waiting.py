"""Times polls: how often something is looked at, and for how long."""

import threading
import time
from collections.abc import Callable


def let_pass(seconds: float) -> None:
    """Return after so many seconds."""
    threading.Event().wait(seconds)


class Polls:
    """The polls of one wait, which begins now.

    Args:
        within_s: Seconds after which no poll follows; the last poll is made when they are over.
        every_s: Seconds between two polls.
        clock: Returns monotonic seconds.
        pause: Lets so many seconds pass.

    >>> polls, answers = Polls(within_s=5.0, every_s=0.0), iter([False, False, True])
    >>> while not (answer := next(answers)) and polls.another():
    ...     pass
    >>> answer
    True
    """

    def __init__(
        self,
        *,
        within_s: float,
        every_s: float,
        clock: Callable[[], float] = time.monotonic,
        pause: Callable[[float], object] = let_pass,
    ) -> None:
        self._within_s, self._every_s, self._clock, self._pause = within_s, every_s, clock, pause
        self._began_s = clock()

    @property
    def passed_s(self) -> float:
        """Seconds since the wait began."""
        return self._clock() - self._began_s

    def another(self) -> bool:
        """Pause, then return True: it is time for the next poll. Return False at once when the wait is over."""
        if self.passed_s > self._within_s:
            return False
        self._pause(self._every_s)
        return True
