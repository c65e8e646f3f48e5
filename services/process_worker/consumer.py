"""Runs the worker's loop: heartbeat, take over from dead consumers, read, commit."""

import logging
import threading
import time
from dataclasses import dataclass
from typing import Final

from services.ledger.errors import StoreLoading, StoreUnreachable
from services.ledger.records import Entry
from services.ledger.redis_ledger import RedisLedger
from services.process_worker.committing import Committer
from services.process_worker.takeover import Takeover

ROUND_S: Final = 1.0
"""A round is at most this much work by measured cost (D47). Other workers can then handle the remaining entries."""
HEARTBEAT_EVERY_S: Final = 0.2
RECONNECT_PAUSE_S: Final = 0.1

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Pace:
    """How the loop reads.

    Attributes:
        read_entries: Most entries per round.
        block_ms: Milliseconds to wait for the first entry.
        nap_s: Seconds to pause after a short read.
        idle_s: Seconds without a heartbeat until a consumer's entries are claimable.
    """

    read_entries: int
    block_ms: int
    nap_s: float
    idle_s: float


class Heartbeat:
    """Advances this worker's heartbeat, at most every 0.2 s."""

    def __init__(self, ledger: RedisLedger) -> None:
        self._ledger = ledger
        self._next_s = 0.0

    def advance(self) -> None:
        """Show that this worker is alive."""
        now = time.monotonic()
        if now >= self._next_s:
            self._ledger.heartbeat()
            self._next_s = now + HEARTBEAT_EVERY_S


class Consumer:
    """Reads and commits until told to stop. Waits for a store that is away, and goes on when the store is back.

    Attributes:
        backlog: Consumer lag in events, as of the last check for dead consumers.
        committed_version: Version of the store's aggregates, as of the same check.
    """

    def __init__(
        self, ledger: RedisLedger, committer: Committer, heartbeat: Heartbeat, takeover: Takeover, *, pace: Pace
    ) -> None:
        self._ledger, self._committer, self._heartbeat, self._takeover = ledger, committer, heartbeat, takeover
        self._pace = pace
        self._entry_cost_s = 0.0
        self._next_takeover_s = 0.0
        self._reply_lost = False
        self.backlog = 0
        self.committed_version = 0

    def run(self, stopping: threading.Event) -> None:
        """Work until *stopping* is set. Raises errors that waiting does not end, such as StoreLost."""
        while not stopping.is_set():
            try:
                self._round(stopping)
            except (StoreUnreachable, StoreLoading) as error:
                log.warning("the store does not answer, trying again: %s", error)
                self._reply_lost = True
                stopping.wait(RECONNECT_PAUSE_S)

    def _round(self, stopping: threading.Event) -> None:
        self._heartbeat.advance()
        if self._reply_lost:
            # Entries of a lost reply were delivered to this consumer, which has not seen them.
            self._commit_all(self._ledger.own_pending())
            self._reply_lost = False
        self._take_over()
        wanted = self._entries_per_round()
        entries = self._ledger.read(count=wanted, block_ms=self._pace.block_ms)
        self._commit_all(entries)
        if entries and len(entries) < wanted // 2:
            stopping.wait(self._pace.nap_s)

    def _commit_all(self, entries: list[Entry]) -> None:
        if not entries:
            return
        self._heartbeat.advance()
        started = time.monotonic()
        self._committer.commit(entries)
        cost = (time.monotonic() - started) / len(entries)
        self._entry_cost_s = cost if not self._entry_cost_s else 0.7 * self._entry_cost_s + 0.3 * cost

    def _entries_per_round(self) -> int:
        if not self._entry_cost_s:
            return self._pace.read_entries
        return max(1, min(self._pace.read_entries, int(ROUND_S / self._entry_cost_s)))

    def _take_over(self) -> None:
        """Claim entries of orphaned consumers and forget dead consumers, every half idle time."""
        now = time.monotonic()
        if now < self._next_takeover_s:
            return
        self._next_takeover_s = now + self._pace.idle_s / 2
        store = self._ledger.changes("", since=0)
        self.backlog, self.committed_version = store.balance.backlog, store.version
        held = self._ledger.pending()
        claimable = self._takeover.claimable(held, self._ledger.heartbeats(), now_s=now)
        if claimable:
            log.info("taking over %d entries of consumers without a heartbeat", len(claimable))
            self._commit_all(self._ledger.claim(claimable))
        for consumer in self._takeover.dead(held, now_s=now):
            self._ledger.reap(consumer)
