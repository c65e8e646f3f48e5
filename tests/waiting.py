"""Waits for a condition, with a deadline."""

import threading
import time
from collections.abc import Callable


def until(condition: Callable[[], bool], *, within_s: float = 30.0, poll_s: float = 0.05) -> None:
    """Return when the condition holds; fail when it does not hold within *within_s* seconds."""
    end, pause = time.monotonic() + within_s, threading.Event()
    while not condition():
        assert time.monotonic() < end, f"nothing happened in {within_s:g} s"
        pause.wait(poll_s)
