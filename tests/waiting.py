"""Waits for something, with a deadline."""

import threading
import time
from collections.abc import Callable


def until(condition: Callable[[], bool], *, within_s: float = 30.0, look_s: float = 0.05) -> None:
    """Return once a condition holds; it must within so many seconds."""
    end, pause = time.monotonic() + within_s, threading.Event()
    while not condition():
        assert time.monotonic() < end, f"nothing happened in {within_s:g} s"
        pause.wait(look_s)
