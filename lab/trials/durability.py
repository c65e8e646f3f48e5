"""Looks at the durability of the store while events are sent; a store can lose it and get it back."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

from lab.errors import LabError
from lab.metrics.port import LedgerSource
from lab.model import DurabilityLook

EVERY_S: Final = 2.0
"""Between two looks; each is a call to query-api beside the load."""


@contextmanager
def durability_watched(
    ledger: LedgerSource, *, every_s: float = EVERY_S, now_ns: Callable[[], int] = time.time_ns
) -> Iterator[list[DurabilityLook]]:
    """Yield the looks so far: the first at the start of the context, the last at its end, others in between.

    Where the ledger cannot be read, there is no look.

    Args:
        ledger: Reads the durability class of the store.
        every_s: Seconds between two looks.
        now_ns: Returns nanoseconds since the epoch.
    """
    looks: list[DurabilityLook] = []
    ending = threading.Event()

    def look() -> None:
        try:
            looks.append(DurabilityLook(now_ns(), ledger.view("").durability))
        except LabError:
            return

    def watch() -> None:
        while not ending.wait(every_s):
            look()

    look()
    thread = threading.Thread(target=watch, name="durability", daemon=True)
    thread.start()
    try:
        yield looks
    finally:
        ending.set()
        thread.join()
        look()
