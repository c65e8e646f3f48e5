"""The store's account as gauges, read when metrics are collected."""

import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Final

from services.contracts import signals
from services.ledger.errors import LedgerError
from services.ledger.port import Balance, Ledger
from services.telemetry.instruments import Instruments

FRESH_S: Final = 0.5
"""Three gauges are read at every scrape; one look serves them all."""


class StoreGauges:
    """Backlog, dead letters, what the account leaves open; the last known ones while the store is away."""

    def __init__(self, ledger: Ledger, *, now_s: Callable[[], float] = time.monotonic) -> None:
        self._ledger, self._now_s = ledger, now_s
        self._lock = threading.Lock()
        self._balance = Balance()
        self._looked_s = float("-inf")

    def observe_with(self, instruments: Instruments) -> None:
        """Let them be read."""
        instruments.observe(signals.STREAM_BACKLOG, lambda: self.balance().backlog)
        instruments.observe(signals.STREAM_DEAD, lambda: self.balance().dead)
        instruments.observe(signals.CONSERVATION_RESIDUAL, lambda: self.balance().residual)

    def balance(self) -> Balance:
        """The store's account, at most half a second old where the store answers."""
        with self._lock:
            if self._now_s() - self._looked_s > FRESH_S:
                self._looked_s = self._now_s()
                with suppress(LedgerError):
                    self._balance = self._ledger.changes("", since=0).balance
            return self._balance
