"""Offers the store's account as gauges, read when metrics are collected."""

import time
from collections.abc import Callable
from typing import Final, Protocol

from services.contracts import signals
from services.ledger.fresh import FreshReading
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
    """Backlog, dead events and residual of the store. While the store does not answer, the gauges have no value."""

    def __init__(self, account: Account, *, now_s: Callable[[], float] = time.monotonic) -> None:
        self._balance = FreshReading(account.balance, fresh_s=FRESH_S, patience_s=PATIENCE_S, now_s=now_s)

    def observe_with(self, instruments: Instruments) -> None:
        """Register the gauges."""
        instruments.observe(signals.STREAM_BACKLOG, lambda: self._value(lambda balance: balance.backlog))
        instruments.observe(signals.STREAM_DEAD, lambda: self._value(lambda balance: balance.dead))
        instruments.observe(signals.CONSERVATION_RESIDUAL, lambda: self._value(lambda balance: balance.residual))

    def balance(self) -> Balance | None:
        """Return the store's account, at most half a second old; None while the store does not answer."""
        return self._balance.value()

    def _value(self, part: Callable[[Balance], int]) -> int | None:
        balance = self.balance()
        return None if balance is None else part(balance)
