"""Keeps the cache equal to the store, one question at a time."""

import logging
import sqlite3
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeVar

from services.ledger.errors import StoreLoading, StoreReplaced, StoreRolledBack, StoreUnreachable
from services.ledger.port import Changes, Ledger
from services.query_api.cache import FILE_NAME, Cache, RunState

CANNOT_WRITE: Final = {
    sqlite3.SQLITE_FULL: "disk_full",
    sqlite3.SQLITE_IOERR: "disk_full",
    sqlite3.SQLITE_READONLY: "read_only",
    sqlite3.SQLITE_CANTOPEN: "read_only",
    sqlite3.SQLITE_PERM: "read_only",
}
"""Primary result code → why the cache is in memory; any other fault is damage, which a rebuild repairs."""
PRIMARY: Final = 0xFF
LOOKS: Final = 3
"""How often one question is asked of the cache, which is made anew after each time that it turned out damaged."""

log = logging.getLogger(__name__)
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Seen:
    """What an answer is an answer about.

    Attributes:
        epoch: Identity of the store.
        state: The run, as of now.
        staleness_ms: Milliseconds since the store was last asked about it.
        degraded: Empty, or why the cache is in memory.
    """

    epoch: str
    state: RunState
    staleness_ms: int
    degraded: str


class Mirror:
    """A cache that is brought up to date before every answer; safe to use from several threads.

    Args:
        ledger: The store.
        folder: Where the cache's file is; None for a folder of its own.
        now_s: Monotonic clock.
    """

    def __init__(self, ledger: Ledger, folder: Path | None, *, now_s: Callable[[], float] = time.monotonic) -> None:
        self._ledger, self._now_s = ledger, now_s
        self._own_folder = tempfile.TemporaryDirectory(prefix="lab-query-") if folder is None else None
        self._path: Path | None = (folder or Path(self._own_folder.name if self._own_folder else "")) / FILE_NAME
        self._lock = threading.Lock()
        self._asked_s: dict[str, float] = {}
        self.degraded = ""
        self._epoch = ledger.facts().epoch
        self._cache = self._open()

    def read(self, run: str, query: Callable[[Cache, RunState], T]) -> tuple[Seen, T]:
        """Bring *run* up to date and query the cache, in one step.

        Where the store does not answer, a run that was seen before is answered as it was, and its age is told.

        Raises:
            LedgerError: The store does not answer and the run was never seen, or the store lost events.
        """
        with self._lock:
            for _ in range(LOOKS):
                try:
                    return self._read(run, query)
                except sqlite3.DatabaseError as error:
                    self._repair(error)
            return self._read(run, query)

    def look(self, run: str) -> Seen:
        """Bring *run* up to date."""
        seen, _ = self.read(run, lambda _cache, _state: None)
        return seen

    def close(self) -> None:
        """Close the cache, and remove its folder where that is its own."""
        with self._lock:
            self._cache.close()
            if self._own_folder is not None:
                self._own_folder.cleanup()

    def _read(self, run: str, query: Callable[[Cache, RunState], T]) -> tuple[Seen, T]:
        try:
            self._refresh(run)
            self._asked_s[run] = self._now_s()
        except (StoreUnreachable, StoreLoading):
            if run not in self._asked_s:
                raise
        state = self._cache.state(run)
        age_ms = round((self._now_s() - self._asked_s[run]) * 1e3)
        return Seen(self._epoch, state, age_ms, self.degraded), query(self._cache, state)

    def _refresh(self, run: str) -> None:
        """Page by page up to the present."""
        if self._cache.epoch != self._epoch:
            self._cache.belong_to(self._epoch)
        more = True
        while more:
            before = self._cache.state(run)
            page = self._ledger.changes(run, since=before.version)
            self._check(run, before, page)
            if page.version != before.version or page.balance != before.balance or not before.known:
                self._cache.apply(run, page)
            more = page.more

    def _check(self, run: str, before: RunState, page: Changes) -> None:
        """Refuse to go on when the store is not the one this process began with, or went back in time."""
        if page.epoch != self._epoch:
            raise StoreReplaced("the store is another one than at the start; the events it had acknowledged are gone")
        then, now = before.balance.accepted, page.balance.accepted
        if page.version >= before.version and now >= then:
            return
        if run not in self._asked_s:
            # An older process saw more than there is now; what this one is asked about is what there is now.
            log.warning("the cache was ahead of the store for run %r and is rebuilt", run or "(store)")
            raise sqlite3.DatabaseError("the cache is ahead of the store")
        raise StoreRolledBack(f"accepted went from {then:,} to {now:,} in this store; acknowledged events are gone")

    def _open(self) -> Cache:
        try:
            if self._path is not None:
                self._path.parent.mkdir(parents=True, exist_ok=True)
            return Cache(self._path)
        except OSError as error:
            return self._in_memory("read_only", error)
        except sqlite3.DatabaseError as error:
            if reason := _cannot_write(error):
                return self._in_memory(reason, error)
        log.warning("the cache is damaged and is rebuilt")
        return self._rebuilt()

    def _rebuilt(self) -> Cache:
        """A new, empty file; memory where that cannot be made."""
        try:
            for end in ("", "-wal", "-shm"):
                if self._path is not None:
                    Path(f"{self._path}{end}").unlink(missing_ok=True)
            return Cache(self._path)
        except (OSError, sqlite3.DatabaseError) as error:
            return self._in_memory("read_only", error)

    def _in_memory(self, reason: str, error: Exception) -> Cache:
        log.error("the cache cannot be written (%s: %s); it is kept in memory", reason, error)
        self.degraded, self._path = reason, None
        return Cache(None)

    def _repair(self, error: sqlite3.DatabaseError) -> None:
        """A cache that can be used, empty if need be; the next look fills it."""
        self._cache.close()
        reason = _cannot_write(error)
        self._cache = self._in_memory(reason, error) if reason else self._rebuilt()


def _cannot_write(error: sqlite3.DatabaseError) -> str:
    code = getattr(error, "sqlite_errorcode", None)
    return CANNOT_WRITE.get(code & PRIMARY, "") if code is not None else ""
