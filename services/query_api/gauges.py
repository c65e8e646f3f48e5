"""Offers the store's account as gauges, read when metrics are collected."""

import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Final

from services.contracts import signals
from services.ledger.errors import LedgerError
from services.ledger.records import Balance
from services.ledger.redis_ledger import RedisLedger
from services.telemetry.instruments import Instruments

FRESH_S: Final = 0.5
"""Three gauges are read at every scrape; one call of the store serves all three."""


class StoreGauges:
    """Backlog, dead events and residual of the store. While the store is away, the last known values."""

    def __init__(self, ledger: RedisLedger, *, now_s: Callable[[], float] = time.monotonic) -> None:
        self._ledger, self._now_s = ledger, now_s
        self._lock = threading.Lock()
        self._balance = Balance()
        self._asked_s = float("-inf")

    def observe_with(self, instruments: Instruments) -> None:
        """Register the gauges."""
        instruments.observe(signals.STREAM_BACKLOG, lambda: self.balance().backlog)
        instruments.observe(signals.STREAM_DEAD, lambda: self.balance().dead)
        instruments.observe(signals.CONSERVATION_RESIDUAL, lambda: self.balance().residual)

    def balance(self) -> Balance:
        """Return the store's account, at most half a second old while the store answers."""
        with self._lock:
            if self._now_s() - self._asked_s > FRESH_S:
                self._asked_s = self._now_s()
                with suppress(LedgerError):
                    self._balance = self._ledger.balance()
            return self._balance
