"""Waits for a condition with a deadline, and works beside a test."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from lab.waiting import Polls


def until(condition: Callable[[], bool], *, within_s: float = 30.0, poll_s: float = 0.05) -> None:
    """Return when the condition holds; fail when it does not hold within *within_s* seconds."""
    polls = Polls(within_s=within_s, every_s=poll_s)
    while not condition():
        assert polls.another(), f"nothing happened in {within_s:g} s"


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
