"""Waits for a condition with a deadline, and works beside a test."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager


def until(condition: Callable[[], bool], *, within_s: float = 30.0, poll_s: float = 0.05) -> None:
    """Return when the condition holds; fail when it does not hold within *within_s* seconds."""
    end, pause = time.monotonic() + within_s, threading.Event()
    while not condition():
        assert time.monotonic() < end, f"nothing happened in {within_s:g} s"
        pause.wait(poll_s)


@contextmanager
def beside(work: Callable[[threading.Event], None]) -> Iterator[None]:
    """Work on another thread while the context lasts. The event is set when the context ends; the work ends then."""
    ending = threading.Event()
    thread = threading.Thread(target=work, args=(ending,), name="beside")
    thread.start()
    try:
        yield
    finally:
        ending.set()
        thread.join()
