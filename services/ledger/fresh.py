"""Reads a value of the store for callers that must not wait for a store that stands still."""

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from concurrent.futures import TimeoutError as NotInTime
from queue import SimpleQueue
from typing import Generic, TypeVar

from services.ledger.errors import LedgerError

T = TypeVar("T")


class FreshReading(Generic[T]):
    """A value that is read again where the last reading is too old. Safe to use from several threads.

    All readings are made by one thread, since a read ends late where the store stands still, and since the store's
    client keeps a connection for each thread.

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
        self._begun: SimpleQueue[Future[T]] = SimpleQueue()
        self._reading: Future[T] | None = None
        self._asked_s = float("-inf")

    def value(self) -> T | None:
        """Return the value; None while the store does not answer."""
        with self._lock:
            now_s = self._now_s()
            if self._reading is None or (self._reading.done() and now_s - self._asked_s > self._fresh_s):
                self._reading, self._asked_s = self._begin(is_first=self._reading is None), now_s
            reading, patience_s = self._reading, max(0.0, self._asked_s + self._patience_s - now_s)
        try:
            return reading.result(timeout=patience_s)
        except (NotInTime, LedgerError):
            return None

    def _begin(self, *, is_first: bool) -> "Future[T]":
        """Begin to read, on a thread that does not keep the process alive."""
        if is_first:
            threading.Thread(target=self._keep_reading, name="fresh-reading", daemon=True).start()
        reading: Future[T] = Future()
        self._begun.put(reading)
        return reading

    def _keep_reading(self) -> None:
        while True:
            reading = self._begun.get()
            try:
                reading.set_result(self._read())
            except Exception as error:  # noqa: BLE001  the caller gets it
                reading.set_exception(error)
