"""Reads a value of the store for callers that must not wait for a store that stands still."""

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from concurrent.futures import TimeoutError as NotInTime
from typing import Generic, TypeVar

from services.ledger.errors import LedgerError

T = TypeVar("T")


class FreshReading(Generic[T]):
    """A value that is read again where the last reading is too old. Safe to use from several threads.

    The value is read on a thread of its own, since a read ends late where the store stands still.

    Args:
        read: Returns the value; raises LedgerError where the store is away.
        fresh_s: Age in seconds beyond which a reading is too old.
        patience_s: Seconds that a caller waits at most for a reading that was begun.
        now_s: Seconds, monotonic.
    """

    def __init__(
        self, read: Callable[[], T], *, fresh_s: float, patience_s: float, now_s: Callable[[], float] = time.monotonic
    ) -> None:
        self._read, self._fresh_s, self._patience_s, self._now_s = read, fresh_s, patience_s, now_s
        self._lock = threading.Lock()
        self._reading: Future[T] | None = None
        self._asked_s = float("-inf")

    def value(self) -> T | None:
        """Return the value; None while the store does not answer."""
        with self._lock:
            now_s = self._now_s()
            if self._reading is None or (self._reading.done() and now_s - self._asked_s > self._fresh_s):
                self._reading, self._asked_s = self._begun(), now_s
            reading, patience_s = self._reading, max(0.0, self._asked_s + self._patience_s - now_s)
        try:
            return reading.result(timeout=patience_s)
        except (NotInTime, LedgerError):
            return None

    def _begun(self) -> "Future[T]":
        """Begin to read, on a thread that does not keep the process alive."""
        reading: Future[T] = Future()

        def read() -> None:
            try:
                reading.set_result(self._read())
            except Exception as error:  # noqa: BLE001  the caller gets it
                reading.set_exception(error)

        threading.Thread(target=read, name="fresh-reading", daemon=True).start()
        return reading
