"""Caches runs and aggregates of the store in SQLite; the cache can be rebuilt from the store at any time."""

import json
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, NamedTuple

from services.contracts.aggregates import Aggregate, join_sum, split_sum
from services.contracts.key_table import source_and_kind
from services.ledger.records import Balance, Changes

SCHEMA: Final = 3
FILE_NAME: Final = "cache.sqlite"

TABLES: Final = """
CREATE TABLE meta (epoch TEXT NOT NULL);
CREATE TABLE run (
    name TEXT PRIMARY KEY, version INTEGER, window_ns INTEGER, low_window INTEGER, last_commit_ns INTEGER,
    balance TEXT, instances TEXT, born INTEGER
) WITHOUT ROWID;
CREATE TABLE aggregate (
    run TEXT, number INTEGER, source TEXT, kind TEXT,
    count INTEGER, high INTEGER, low INTEGER, minimum REAL, maximum REAL,
    PRIMARY KEY (run, number, source, kind)
) WITHOUT ROWID;
CREATE TABLE total (
    run TEXT, source TEXT, kind TEXT,
    count INTEGER, high INTEGER, low INTEGER, minimum REAL, maximum REAL,
    PRIMARY KEY (run, source, kind)
) WITHOUT ROWID;
"""
COLUMNS: Final = "source, kind, count, high, low, minimum, maximum"


class Key(NamedTuple):
    """Key of an aggregate: window number (0 in totals), source, kind. Every answer is in the order of its keys."""

    number: int
    source: str
    kind: str


@dataclass(frozen=True, slots=True)
class RunState:
    """State of a run in the cache, besides its aggregates.

    Attributes:
        known: Whether the store ever accepted an event of the run.
        version: Version of its aggregates.
        balance: Its account.
        window_ns: Width of its windows; 0 when unknown.
        low_window: Windows below this number have been removed from the store; None when none were.
        last_commit_ns: The store's clock at its last commit; 0 before the first.
        instances: Worker instance → events it has counted.
        born: Differs between the run and an earlier run of the same name, which the store has forgotten.
    """

    known: bool = False
    version: int = 0
    balance: Balance = field(default_factory=Balance)
    window_ns: int = 0
    low_window: int | None = None
    last_commit_ns: int = 0
    instances: Mapping[str, int] = field(default_factory=dict)
    born: int = 0


@dataclass(frozen=True, slots=True)
class WindowFilter:
    """Windows first … end-1; None for no bound. An empty source or kind matches all."""

    first: int | None = None
    end: int | None = None
    source: str = ""
    kind: str = ""


Row = tuple[Key, Aggregate]


class Cache:
    """One SQLite database, not thread-safe. Raises sqlite3.DatabaseError where it is damaged or cannot be written.

    Args:
        path: Its file; None keeps the database in memory.
    """

    def __init__(self, path: Path | None) -> None:
        self._database = sqlite3.connect(path or ":memory:", check_same_thread=False, isolation_level=None)
        try:
            self._prepare()
        except sqlite3.DatabaseError:
            self._database.close()
            raise

    def _prepare(self) -> None:
        # The cache can be rebuilt, so that no write has to wait for the disk.
        self._database.execute("PRAGMA journal_mode = WAL")
        self._database.execute("PRAGMA synchronous = OFF")
        [(schema,)] = self._database.execute("PRAGMA user_version")
        if schema == SCHEMA:
            self._check()
            return
        with self._transaction():
            for (table,) in self._database.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall():
                self._database.execute(f"DROP TABLE {table}")
            for statement in filter(str.strip, TABLES.split(";")):
                self._database.execute(statement)
            self._database.execute("INSERT INTO meta VALUES ('')")
            self._database.execute(f"PRAGMA user_version = {SCHEMA}")

    def _check(self) -> None:
        [(verdict,)] = self._database.execute("PRAGMA quick_check(1)").fetchall()
        if verdict != "ok":
            raise sqlite3.DatabaseError(verdict)

    @property
    def epoch(self) -> str:
        """Identity of the store that the cache shows; empty for a new cache."""
        [(epoch,)] = self._database.execute("SELECT epoch FROM meta")
        return str(epoch)

    def belong_to(self, epoch: str) -> None:
        """Forget everything, and show the store *epoch* from now on."""
        with self._transaction():
            for table in ("run", "aggregate", "total"):
                self._database.execute(f"DELETE FROM {table}")  # noqa: S608  a name of ours
            self._database.execute("UPDATE meta SET epoch = ?", (epoch,))

    def forget(self, run: str) -> None:
        """Forget a run."""
        with self._transaction():
            self._database.execute("DELETE FROM run WHERE name = ?", (run,))
            for table in ("aggregate", "total"):
                self._database.execute(f"DELETE FROM {table} WHERE run = ?", (run,))  # noqa: S608  a name of ours

    def apply(self, run: str, page: Changes) -> None:
        """Add one page of changes in one transaction."""
        with self._transaction():
            for number, block in page.windows.items():
                rows = ((run, number, *row) for row in _rows(block))
                self._database.executemany("INSERT OR REPLACE INTO aggregate VALUES (?,?,?,?,?,?,?,?,?)", rows)
            totals = ((run, *row) for row in _rows(page.totals))
            self._database.executemany("INSERT OR REPLACE INTO total VALUES (?,?,?,?,?,?,?,?)", totals)
            if page.low_window is not None:
                self._database.execute("DELETE FROM aggregate WHERE run = ? AND number < ?", (run, page.low_window))
            if page.known:
                self._database.execute("INSERT OR REPLACE INTO run VALUES (?,?,?,?,?,?,?,?)", _state_row(run, page))

    def state(self, run: str) -> RunState:
        """Return the state of a run; an unknown one where the cache does not hold the run."""
        row = self._database.execute("SELECT * FROM run WHERE name = ?", (run,)).fetchone()
        if row is None:
            return RunState()
        _, version, window_ns, low_window, last_commit_ns, balance, instances, born = row
        return RunState(
            known=True,
            version=version,
            balance=Balance(*json.loads(balance)),
            window_ns=window_ns,
            low_window=low_window,
            last_commit_ns=last_commit_ns,
            instances=json.loads(instances),
            born=born,
        )

    def windows(self, run: str, wanted: WindowFilter, *, after: Key | None, limit: int) -> list[Row]:
        """Return window aggregates in order of number, source, kind, from after the key *after*."""
        conditions: dict[str, tuple[str | int, ...]] = {"run = ?": (run,)}
        if after is not None:
            conditions["(number, source, kind) > (?, ?, ?)"] = tuple(after)
        if wanted.first is not None:
            conditions["number >= ?"] = (wanted.first,)
        if wanted.end is not None:
            conditions["number < ?"] = (wanted.end,)
        for column, value in (("source", wanted.source), ("kind", wanted.kind)):
            if value:
                conditions[f"{column} = ?"] = (value,)
        where = " AND ".join(conditions)
        bound = [value for values in conditions.values() for value in values]
        order = "number, source, kind"
        return self._select(f"number, {COLUMNS} FROM aggregate WHERE {where} ORDER BY {order}", *bound, limit=limit)

    def totals(self, run: str, *, after: Key | None, limit: int) -> list[Row]:
        """Return the totals of a run in order of source, kind, from after the key *after*."""
        source, kind = (after.source, after.kind) if after else ("", "")
        where = "run = ? AND (source, kind) > (?, ?)"
        return self._select(
            f"0, {COLUMNS} FROM total WHERE {where} ORDER BY source, kind", run, source, kind, limit=limit
        )

    def close(self) -> None:
        """Close the file."""
        self._database.close()

    def _select(self, what: str, *values: str | int, limit: int) -> list[Row]:
        # Only names of ours are part of the text; every value is bound.
        with closing(self._database.execute(f"SELECT {what} LIMIT ?", (*values, limit))) as rows:
            return [
                (Key(number, source, kind), Aggregate(count, join_sum(high, low), minimum, maximum))
                for number, source, kind, count, high, low, minimum, maximum in rows
            ]

    def _transaction(self) -> "_Transaction":
        return _Transaction(self._database)


class _Transaction:
    """A transaction that also ends where the database itself has given up."""

    def __init__(self, database: sqlite3.Connection) -> None:
        self._database = database

    def __enter__(self) -> None:
        self._database.execute("BEGIN IMMEDIATE")

    def __exit__(self, kind: type[BaseException] | None, _error: object, _trace: object) -> None:
        if kind is None:
            self._database.execute("COMMIT")
        elif self._database.in_transaction:
            self._database.execute("ROLLBACK")


def _rows(block: Mapping[bytes, Aggregate]) -> Iterator[tuple[str, str, int, int, int, float, float]]:
    for name, aggregate in block.items():
        high, low = split_sum(aggregate.sum_micro)
        yield (*source_and_kind(name), aggregate.count, high, low, aggregate.minimum, aggregate.maximum)


def _state_row(run: str, page: Changes) -> tuple[str | int | None, ...]:
    balance = page.balance
    return (
        run,
        page.version,
        page.window_ns,
        page.low_window,
        page.last_commit_ns,
        json.dumps([balance.accepted, balance.counted, balance.dead, balance.backlog, balance.duplicates]),
        json.dumps(dict(page.instances)),
        page.born,
    )
