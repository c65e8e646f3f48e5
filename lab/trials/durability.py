"""Looks at the durability of the store while events are sent; a store can lose it and get it back."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from lab.errors import LabError
from lab.metrics.port import LedgerSource
from lab.model import DurabilityLook

EVERY_S: Final = 2.0


@contextmanager
def durability_watched(ledger: LedgerSource, *, every_s: float = EVERY_S) -> Iterator[list[DurabilityLook]]:
    """Yield the looks so far: the first at the start of the context, the last at its end, others in between.

    There is no look at a moment at which the ledger cannot be read.
    """
    looks: list[DurabilityLook] = []
    ending = threading.Event()

    def look() -> None:
        try:
            looks.append(DurabilityLook(time.time_ns(), ledger.view("").durability))
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
