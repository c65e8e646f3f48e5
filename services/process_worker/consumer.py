"""Runs the worker's loop: heartbeat, take over from dead consumers, read, commit."""

import logging
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from services.contracts.limits import MAX_REQUEST_BYTES
from services.contracts.takeover import LOOKS_PER_IDLE_TIME
from services.ledger.delivery import PENDING_LIMIT
from services.ledger.errors import StoreLoading, StoreUnreachable
from services.ledger.records import Entry, Pending
from services.ledger.redis_ledger import RedisLedger
from services.process_worker.committing import ISOLATED_FROM_DELIVERY, Committer
from services.process_worker.takeover import Takeover

ROUND_S: Final = 1.0
"""A round is at most this much work by measured cost (D47). Other workers can then handle the remaining entries."""
ROUND_BYTES: Final = 8 << 20
"""Payload of a round, at most. Decoded, it takes several times as much of the worker's memory."""
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
        keep_runs: Runs used last that stay in the store.
    """

    read_entries: int
    block_ms: int
    nap_s: float
    idle_s: float
    keep_runs: int


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
        self._entry_bytes = float(MAX_REQUEST_BYTES)
        self._next_takeover_s = 0.0
        self._may_hold_entries = True
        self.backlog = 0
        self.committed_version = 0

    def run(self, stopping: threading.Event) -> None:
        """Work until *stopping* is set. Raises errors that waiting does not end, such as StoreLost."""
        while not stopping.is_set():
            try:
                self._round(stopping)
            except (StoreUnreachable, StoreLoading) as error:
                log.warning("the store does not answer, trying again: %s", error)
                self._may_hold_entries = True
                stopping.wait(RECONNECT_PAUSE_S)

    def _round(self, stopping: threading.Event) -> None:
        self._heartbeat.advance()
        if self._may_hold_entries:
            self._may_hold_entries = self._commit_own(stopping)
        self._take_over(stopping)
        wanted = self._entries_per_round()
        entries = self._ledger.read(count=wanted, block_ms=self._pace.block_ms)
        self._commit_all(entries)
        if entries and len(entries) < wanted // 2:
            stopping.wait(self._pace.nap_s)

    def _commit_own(self, stopping: threading.Event) -> bool:
        """Commit entries that this consumer was given and has not seen. Return whether there may be more.

        They were given in a reply that was lost, or to an earlier life of this process under the same name. Nobody else
        takes them over as long as this consumer's heartbeat moves.
        """
        held = self._ledger.own_pending()
        self._claim(held, stopping)
        return len(held) == PENDING_LIMIT or stopping.is_set()

    def _claim(self, held: Sequence[Pending], stopping: threading.Event) -> None:
        """Claim entries and commit them, a round at a time; suspects last, and each alone, since they may kill."""
        waiting = sorted(held, key=_is_suspect)
        while waiting and not stopping.is_set():
            size = 1 if _is_suspect(waiting[0]) else self._entries_per_round()
            claimed = [entry for entry in waiting[:size] if _is_suspect(entry) == _is_suspect(waiting[0])]
            self._commit_all(self._ledger.claim(claimed))
            del waiting[: len(claimed)]

    def _commit_all(self, entries: list[Entry]) -> None:
        if not entries:
            return
        self._heartbeat.advance()
        # A larger size counts at once. The estimate shrinks by half a round.
        self._entry_bytes = max(self._entry_bytes / 2, *(len(entry.payload) for entry in entries))
        started = time.monotonic()
        self._committer.commit(entries)
        cost = (time.monotonic() - started) / len(entries)
        self._entry_cost_s = cost if not self._entry_cost_s else 0.7 * self._entry_cost_s + 0.3 * cost

    def _entries_per_round(self) -> int:
        by_cost = ROUND_S / self._entry_cost_s if self._entry_cost_s else self._pace.read_entries
        by_size = ROUND_BYTES / max(1.0, self._entry_bytes)
        return max(1, int(min(self._pace.read_entries, by_cost, by_size)))

    def _take_over(self, stopping: threading.Event) -> None:
        """Claim entries of orphaned consumers, forget dead consumers and old runs, every half idle time."""
        now = time.monotonic()
        if now < self._next_takeover_s:
            return
        self._next_takeover_s = now + self._pace.idle_s / LOOKS_PER_IDLE_TIME
        store = self._ledger.changes("", since=0)
        self.backlog, self.committed_version = store.balance.backlog, store.version
        held = self._ledger.pending()
        claimable = self._takeover.claimable(held, self._ledger.heartbeats(), now_s=now)
        if claimable:
            log.info("taking over %d entries of consumers without a heartbeat", len(claimable))
            self._claim(claimable, stopping)
        for consumer in self._takeover.dead(held, now_s=now):
            self._ledger.reap(consumer)
        self._ledger.forget_runs(keep_runs=self._pace.keep_runs)


def _is_suspect(entry: Pending) -> bool:
    """Return whether the committer isolates an entry when it is delivered once more."""
    return entry.deliveries + 1 >= ISOLATED_FROM_DELIVERY
