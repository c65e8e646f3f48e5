"""Offers the store's account as gauges, read when metrics are collected."""

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from concurrent.futures import TimeoutError as NotInTime
from typing import Final, Protocol

from services.contracts import signals
from services.ledger.errors import LedgerError
from services.ledger.records import Balance
from services.telemetry.instruments import Instruments

FRESH_S: Final = 0.5
"""Three gauges are read at every scrape; one call of the store serves all three."""
PATIENCE_S: Final = 0.3
"""A scrape waits for the store this long at most. It must not fail because the store stands still."""


class Account(Protocol):
    """What the gauges read: the store's account, or a LedgerError while the store is away."""

    def balance(self) -> Balance:
        """Return the account of the whole store."""


class StoreGauges:
    """Backlog, dead events and residual of the store. While the store does not answer, the gauges have no value.

    The store is read on a thread of its own, since a read ends late where the store stands still.
    """

    def __init__(self, account: Account, *, now_s: Callable[[], float] = time.monotonic) -> None:
        self._account, self._now_s = account, now_s
        self._lock = threading.Lock()
        self._reading: Future[Balance] | None = None
        self._asked_s = float("-inf")

    def observe_with(self, instruments: Instruments) -> None:
        """Register the gauges."""
        instruments.observe(signals.STREAM_BACKLOG, lambda: self._value(lambda balance: balance.backlog))
        instruments.observe(signals.STREAM_DEAD, lambda: self._value(lambda balance: balance.dead))
        instruments.observe(signals.CONSERVATION_RESIDUAL, lambda: self._value(lambda balance: balance.residual))

    def _value(self, part: Callable[[Balance], int]) -> int | None:
        balance = self.balance()
        return None if balance is None else part(balance)

    def balance(self) -> Balance | None:
        """Return the store's account, at most half a second old; None while the store does not answer."""
        with self._lock:
            now_s = self._now_s()
            if self._reading is None or (self._reading.done() and now_s - self._asked_s > FRESH_S):
                self._reading, self._asked_s = self._begun(), now_s
            reading, patience_s = self._reading, max(0.0, self._asked_s + PATIENCE_S - now_s)
        try:
            return reading.result(timeout=patience_s)
        except (NotInTime, LedgerError):
            return None

    def _begun(self) -> "Future[Balance]":
        """Begin to read the account, on a thread that does not keep the process alive."""
        reading: Future[Balance] = Future()

        def read() -> None:
            try:
                reading.set_result(self._account.balance())
            except LedgerError as error:
                reading.set_exception(error)

        threading.Thread(target=read, name="gauges", daemon=True).start()
        return reading
