"""Waits for a condition with a deadline; says what did not happen."""

import threading
import time
from collections.abc import Callable

from lab.errors import Unavailable


def wait_until(
    condition: Callable[[], bool], *, seconds: float, poll_s: float = 0.1, fault: Callable[[], Unavailable]
) -> None:
    """Return when the condition holds.

    Raises:
        Unavailable: What *fault* returns, when the condition does not hold in time.
    """
    end, pause = time.monotonic() + seconds, threading.Event()
    while not condition():
        if time.monotonic() > end:
            raise fault()
        pause.wait(poll_s)
