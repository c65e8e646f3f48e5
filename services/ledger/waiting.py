"""Waits for a store that is starting or loading its data."""

import threading
import time
from collections.abc import Callable
from typing import Final

from services.ledger.errors import StoreLoading, StoreUnreachable

PAUSE_S: Final = 0.1
"""Seconds between two attempts. A store that starts answers within a second or so."""

_pause: Final = threading.Event().wait


def wait_for_store(
    attempt: Callable[[], object],
    *,
    seconds: float,
    now: Callable[[], float] = time.monotonic,
    pause: Callable[[float], object] = _pause,
) -> None:
    """Repeat *attempt* until it succeeds.

    Args:
        attempt: Asks the store something that changes nothing.
        seconds: Time to wait. The first attempt is always made.
        now: Returns the time in seconds.
        pause: Waits for some seconds.

    Raises:
        StoreUnreachable: The store did not answer in time.
        StoreLoading: The store was still loading its data.
        LedgerError: The store answered with an error that waiting does not mend. It is raised at once.
    """
    end = now() + seconds
    while True:
        try:
            attempt()
        except (StoreUnreachable, StoreLoading):
            if now() >= end:
                raise
        else:
            return
        pause(PAUSE_S)
