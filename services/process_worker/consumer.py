"""The worker's loop: beat, take over from the dead, read, settle."""

import logging
import threading
import time
from dataclasses import dataclass
from typing import Final

from services.ledger.errors import StoreLoading, StoreUnreachable
from services.ledger.port import Entry, Ledger
from services.process_worker.committing import Committer
from services.process_worker.takeover import Takeover

ROUND_S: Final = 1.0
"""A round is at most this much work by measured cost (D47), so that no worker sits on entries others could handle."""
HEARTBEAT_EVERY_S: Final = 0.2
RECONNECT_PAUSE_S: Final = 0.1

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Pace:
    """How the loop reads: entries at most, milliseconds to wait for the first, seconds to pause after a short read."""

    read_entries: int
    block_ms: int
    nap_s: float
    idle_s: float


class Heartbeat:
    """Moves this worker's heartbeat, not more often than needed."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._next_s = 0.0

    def heartbeat(self) -> None:
        """Show that this worker is alive."""
        now = time.monotonic()
        if now >= self._next_s:
            self._ledger.heartbeat()
            self._next_s = now + HEARTBEAT_EVERY_S


class Consumer:
    """Reads and settles until told to stop; survives a store that goes away and comes back."""

    def __init__(
        self, ledger: Ledger, committer: Committer, heartbeat: Heartbeat, takeover: Takeover, *, pace: Pace
    ) -> None:
        self._ledger, self._committer, self._heartbeat, self._takeover = ledger, committer, heartbeat, takeover
        self._pace = pace
        self._entry_cost_s = 0.0
        self._next_look_s = 0.0
        self._unsure = False
        self.backlog = 0
        self.committed_version = 0
        self.paused = threading.Event()

    def run(self, stopping: threading.Event) -> None:
        """Work until *stopping* is set; raises what cannot be waited out, such as StoreLost."""
        while not stopping.is_set():
            try:
                self._turn(stopping)
            except (StoreUnreachable, StoreLoading) as error:
                log.warning("the store does not answer, trying again: %s", error)
                self._unsure = True
                stopping.wait(RECONNECT_PAUSE_S)

    def _turn(self, stopping: threading.Event) -> None:
        self._heartbeat.heartbeat()
        if self.paused.is_set():
            stopping.wait(RECONNECT_PAUSE_S)
            return
        if self._unsure:
            # A reply may have been lost: what was handed to us and not settled is still ours.
            self._commit_all(self._ledger.own_pending())
            self._unsure = False
        self._take_over()
        wanted = self._entries_per_round()
        entries = self._ledger.read(count=wanted, block_ms=self._pace.block_ms)
        self._commit_all(entries)
        if entries and len(entries) < wanted // 2:
            stopping.wait(self._pace.nap_s)

    def _commit_all(self, entries: list[Entry]) -> None:
        if not entries:
            return
        self._heartbeat.heartbeat()
        started = time.monotonic()
        self._committer.commit(entries)
        cost = (time.monotonic() - started) / len(entries)
        self._entry_cost_s = cost if not self._entry_cost_s else 0.7 * self._entry_cost_s + 0.3 * cost

    def _entries_per_round(self) -> int:
        if not self._entry_cost_s:
            return self._pace.read_entries
        return max(1, min(self._pace.read_entries, int(ROUND_S / self._entry_cost_s)))

    def _take_over(self) -> None:
        """Every half idle time: look who stands still, take what they hold, forget who is long gone."""
        now = time.monotonic()
        if now < self._next_look_s:
            return
        self._next_look_s = now + self._pace.idle_s / 2
        account = self._ledger.changes("", since=0)
        self.backlog, self.committed_version = account.balance.backlog, account.version
        held = self._ledger.pending()
        claimable = self._takeover.claimable(held, self._ledger.heartbeats(), now_s=now)
        if claimable:
            log.info("taking over %d entries of consumers that stand still", len(claimable))
            self._commit_all(self._ledger.claim(claimable))
        for consumer in self._takeover.dead(held, now_s=now):
            self._ledger.reap(consumer)
