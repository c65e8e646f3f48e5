"""Waits for a condition of a stack."""

import threading
import time
from collections.abc import Callable

from lab.errors import LabError


def await_condition(condition: Callable[[], bool], *, seconds: float, every_s: float) -> bool:
    """Return whether *condition* came true in time; a poll that the stack does not answer is repeated.

    Raises:
        LabError: The last poll, at the end of the time, was not answered.
    """
    end, pause = time.monotonic() + seconds, threading.Event()
    while True:
        try:
            if condition():
                return True
        except LabError:
            if time.monotonic() >= end:
                raise
        if time.monotonic() >= end:
            return False
        pause.wait(every_s)
