"""A ledger in memory, for tests of the lab."""

import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from lab.errors import Unavailable
from lab.model import NANOS, Aggregate, Balance, StoreView

ONLY_WINDOW_NS: Final = NANOS
"""Start of the window that holds all events."""


class FakeLedger:
    """Runs and their events; satisfies `LedgerSource`.

    Between two views of a run a worker counts some of its backlog.

    Args:
        counted_per_view: Events counted between two views; 0 for a dead worker.
        absent_views: Number of first views that fail, as with a query-api that is not up yet.
        staleness_ms: Age of every answer.
    """

    def __init__(self, *, counted_per_view: int = 1_000_000, absent_views: int = 0, staleness_ms: int = 0) -> None:
        self._per_view, self._absent, self._staleness_ms = counted_per_view, absent_views, staleness_ms
        self._balances: dict[str, Balance] = {}
        self._last_commit_ns: dict[str, int] = {}
        self._versions: dict[str, int] = {}
        self.closings = 0
        """How often it was closed."""

    def accept(self, run: str, events: int) -> None:
        """Append events of a producer."""
        before = self._balances.get(run, Balance())
        self._balances[run] = replace(before, accepted=before.accepted + events, backlog=before.backlog + events)

    @property
    def backlog(self) -> int:
        """Events of all runs that are accepted and not counted. Reading this counts nothing."""
        return sum(balance.backlog for balance in self._balances.values())

    def view(self, run: str, *, audit: bool = False) -> StoreView:
        """See `LedgerSource.view`."""
        if self._absent:
            self._absent -= 1
            raise Unavailable("query-api does not answer")
        balance = self._counted(run) if run else self._whole_store()
        return StoreView(
            balance=balance,
            known=not run or run in self._balances,
            instances={"worker-1": balance.counted} if run and balance.counted else {},
            last_commit_ns=self._last_commit_ns.get(run, 0),
            audited_backlog=self.backlog if audit else None,
            epoch="e",
            version=self._versions.get(run, 0) if run else sum(self._versions.values()),
            staleness_ms=self._staleness_ms,
            durability="durable",
        )

    def totals(self, run: str) -> Sequence[Aggregate]:
        """See `LedgerSource.totals`."""
        counted = self._balances.get(run, Balance()).counted
        return [Aggregate("fake", "fake", counted, counted * 1_000_000, 1.0, 1.0)] if counted else []

    def windows(self, run: str) -> Sequence[Aggregate]:
        """See `LedgerSource.windows`. All events are in one window."""
        return [replace(total, window_start_ns=ONLY_WINDOW_NS) for total in self.totals(run)]

    def close(self) -> None:
        """See `LedgerSource.close`; it holds no connection."""
        self.closings += 1

    def _counted(self, run: str) -> Balance:
        balance = self._balances.get(run, Balance())
        step = min(self._per_view, balance.backlog)
        if step:
            balance = replace(balance, counted=balance.counted + step, backlog=balance.backlog - step)
            self._balances[run], self._last_commit_ns[run] = balance, time.time_ns()
            self._versions[run] = self._versions.get(run, 0) + 1
        return balance

    def _whole_store(self) -> Balance:
        balances = self._balances.values()
        accepted, counted = (
            sum(balance.accepted for balance in balances),
            sum(balance.counted for balance in balances),
        )
        return Balance(accepted=accepted, counted=counted, backlog=accepted - counted)
