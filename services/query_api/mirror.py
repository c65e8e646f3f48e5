"""Keeps the cache equal to the store, run by run, before every answer."""

import errno
import logging
import sqlite3
import tempfile
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeVar

from services.ledger.errors import StoreLoading, StoreReplaced, StoreRolledBack, StoreUnreachable
from services.ledger.records import Changes
from services.ledger.redis_ledger import RedisLedger
from services.query_api.cache import FILE_NAME, Cache, RunState

CANNOT_WRITE: Final = {
    sqlite3.SQLITE_FULL: "disk_full",
    sqlite3.SQLITE_IOERR: "disk_full",
    sqlite3.SQLITE_READONLY: "read_only",
    sqlite3.SQLITE_CANTOPEN: "read_only",
    sqlite3.SQLITE_PERM: "read_only",
}
"""Primary result code of SQLite → why the cache is in memory. Other faults are damage, which a rebuild repairs."""
NO_SPACE: Final = frozenset({errno.ENOSPC, errno.EDQUOT})
"""Error numbers of a disk, or of a quota, that is full."""
PRIMARY: Final = 0xFF
REPAIRS: Final = 3
"""How often one query repairs a damaged cache and is tried again."""
RUNS_REMEMBERED: Final = 10_000
"""Runs whose last answer is remembered, about 2 MB. A forgotten run is refused while the store is away."""

log = logging.getLogger(__name__)
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Seen:
    """State of the store that an answer shows.

    Attributes:
        epoch: Identity of the store.
        state: State of the run.
        staleness_ms: Milliseconds since the store last answered about the run.
        degraded: Empty, or why the cache is in memory.
    """

    epoch: str
    state: RunState
    staleness_ms: int
    degraded: str


class Mirror:
    """A cache that is brought up to date before every answer. Safe to use from several threads.

    Args:
        ledger: The store.
        folder: Folder of the cache's file; None makes a folder that `close` removes.
        now_s: Monotonic clock.
    """

    def __init__(
        self, ledger: RedisLedger, folder: Path | None, *, now_s: Callable[[], float] = time.monotonic
    ) -> None:
        self._ledger, self._now_s = ledger, now_s
        self._own_folder = tempfile.TemporaryDirectory(prefix="lab-query-") if folder is None else None
        self._path: Path | None = (folder or Path(self._own_folder.name if self._own_folder else "")) / FILE_NAME
        self._lock = threading.Lock()
        self._answered_s: OrderedDict[str, float] = OrderedDict()
        self.degraded = ""
        self._epoch = ledger.facts().epoch
        self._cache = self._open()

    def read(self, run: str, query: Callable[[Cache, RunState], T]) -> tuple[Seen, T]:
        """Bring *run* up to date and query the cache, in one step.

        Where the store does not answer, a run that was read before is answered from the cache with its age.

        Raises:
            LedgerError: The store does not answer and the run was never read, or the store lost events.
        """
        with self._lock:
            for _ in range(REPAIRS):
                try:
                    return self._read(run, query)
                except sqlite3.DatabaseError as error:
                    self._repair(error)
            return self._read(run, query)

    def refresh(self, run: str) -> Seen:
        """Bring *run* up to date and return its state."""
        seen, _ = self.read(run, lambda _cache, _state: None)
        return seen

    def close(self) -> None:
        """Close the cache, and remove its folder where that is its own."""
        with self._lock:
            self._cache.close()
            if self._own_folder is not None:
                self._own_folder.cleanup()

    def _read(self, run: str, query: Callable[[Cache, RunState], T]) -> tuple[Seen, T]:
        answered_s = self._now_s()
        try:
            self._update(run)
        except (StoreUnreachable, StoreLoading):
            if run not in self._answered_s:
                raise
            answered_s = self._answered_s[run]
        state = self._cache.state(run)
        if state.known:
            self._remember(run, answered_s)
        age_ms = round((self._now_s() - answered_s) * 1e3)
        return Seen(self._epoch, state, age_ms, self.degraded), query(self._cache, state)

    def _remember(self, run: str, answered_s: float) -> None:
        """Remember when the store answered about a run that it knows, for the last runs that were asked about."""
        self._answered_s[run] = answered_s
        self._answered_s.move_to_end(run)
        if len(self._answered_s) > RUNS_REMEMBERED:
            self._answered_s.popitem(last=False)

    def _update(self, run: str) -> None:
        """Apply changes page by page, up to the present."""
        if self._cache.epoch != self._epoch:
            self._cache.belong_to(self._epoch)
        more = True
        while more:
            before = self._cache.state(run)
            page = self._ledger.changes(run, since=before.version)
            self._check_epoch(page)
            if _is_another(before, page):
                log.info("the store forgot run %r, which nobody had used for long", run)
                self._cache.forget(run)
                more = page.known
                continue
            self._check(run, before, page)
            if page.version != before.version or page.balance != before.balance or not before.known:
                self._cache.apply(run, page)
            more = page.more

    def _check_epoch(self, page: Changes) -> None:
        """Raise where the store was replaced."""
        if page.epoch != self._epoch:
            raise StoreReplaced("the store is another one than at the start; the events it had acknowledged are gone")

    def _check(self, run: str, before: RunState, page: Changes) -> None:
        """Raise where the store is behind the cache."""
        then, now = before.balance.accepted, page.balance.accepted
        if page.version >= before.version and now >= then:
            return
        if run not in self._answered_s:
            # An earlier process filled the cache from a store that lost events since. This process shows what is left.
            log.warning("the cache was ahead of the store for run %r and is rebuilt", run or "(store)")
            raise sqlite3.DatabaseError("the cache is ahead of the store")
        raise StoreRolledBack(f"accepted went from {then:,} to {now:,} in this store; acknowledged events are gone")

    def _open(self) -> Cache:
        try:
            if self._path is not None:
                self._path.parent.mkdir(parents=True, exist_ok=True)
            return Cache(self._path)
        except OSError as error:
            return self._in_memory(why_in_memory(error), error)
        except sqlite3.DatabaseError as error:
            if reason := _cannot_write(error):
                return self._in_memory(reason, error)
        log.warning("the cache is damaged and is rebuilt")
        return self._rebuilt()

    def _rebuilt(self) -> Cache:
        """Return a cache in a new file, or in memory where the file cannot be made."""
        try:
            for end in ("", "-wal", "-shm"):
                if self._path is not None:
                    Path(f"{self._path}{end}").unlink(missing_ok=True)
            return Cache(self._path)
        except (OSError, sqlite3.DatabaseError) as error:
            return self._in_memory(why_in_memory(error), error)

    def _in_memory(self, reason: str, error: Exception) -> Cache:
        log.error("the cache cannot be written (%s: %s); it is kept in memory", reason, error)
        self.degraded, self._path = reason, None
        return Cache(None)

    def _repair(self, error: sqlite3.DatabaseError) -> None:
        """Replace the cache by an empty one that can be used. The next update fills it."""
        self._cache.close()
        reason = _cannot_write(error)
        self._cache = self._in_memory(reason, error) if reason else self._rebuilt()


def _is_another(before: RunState, page: Changes) -> bool:
    """Return whether the store has forgotten the cached run, and holds no run or a new one of that name."""
    return before.known and (not page.known or page.born != before.born)


def why_in_memory(error: OSError | sqlite3.DatabaseError) -> str:
    """Return why a file that cannot be made is replaced by memory: `disk_full`, `read_only`, or `damaged`.

    `read_only` stands for every file or folder that cannot be opened, `damaged` for a new file that is no database.

    >>> why_in_memory(OSError(errno.ENOSPC, "No space left on device"))
    'disk_full'
    """
    if isinstance(error, OSError):
        return "disk_full" if error.errno in NO_SPACE else "read_only"
    return _cannot_write(error) or "damaged"


def _cannot_write(error: sqlite3.DatabaseError) -> str:
    code = getattr(error, "sqlite_errorcode", None)
    return CANNOT_WRITE.get(code & PRIMARY, "") if code is not None else ""
