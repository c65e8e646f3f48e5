"""Settles entries: decodes, handles, aggregates, commits; retries without those another worker has settled."""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray

from services.contracts.aggregates import Aggregation, KeyTable, aggregate
from services.contracts.batches import Columns, PayloadError, decode, encode
from services.contracts.limits import MAX_COMMIT_AGGREGATES, MAX_COMMIT_ENTRIES, MAX_COMMIT_EVENTS
from services.ledger.port import BadEvent, Commit, Committed, Entry, Ledger
from services.process_worker.handling import Handler
from services.process_worker.isolation import Isolation

ISOLATED_FROM_DELIVERY: Final = 3
KEYS_KEPT: Final = 100_000


class CommitHook(Protocol):
    """Is told what happened; telemetry listens here."""

    def received(self, entries: Sequence[Entry]) -> None:
        """Entries were handed to this worker."""

    def committed(self, commit: Commit, outcome: Committed, *, took_s: float) -> None:
        """A commit was settled; the call took so long."""

    def stale(self, entries: int) -> None:
        """Entries turned out to be settled by another worker."""

    def dead_lettered(self, events: int) -> None:
        """An entry that cannot be decoded was set aside."""


@dataclass(frozen=True, slots=True)
class Decoded:
    """An entry and its columns."""

    entry: Entry
    columns: Columns


class Committer:
    """Settles what it is given, entry by entry where one of them is suspected to kill workers."""

    def __init__(self, ledger: Ledger, handler: Handler, hook: CommitHook, *, keep_windows: int) -> None:
        self._ledger, self._handler, self._hook = ledger, handler, hook
        self._keep_windows = keep_windows
        self._keys = KeyTable()

    def commit(self, entries: Sequence[Entry]) -> None:
        """Settle all of them."""
        self._hook.received(entries)
        suspects = [entry for entry in entries if entry.deliveries >= ISOLATED_FROM_DELIVERY]
        others = [entry for entry in entries if entry.deliveries < ISOLATED_FROM_DELIVERY]
        for _, group in groupby(sorted(others, key=_run_of), key=_run_of):
            for batch in _within_limits(list(self._decoded(group))):
                for item in batch:
                    self._handler.handle(item.columns)
                self._commit(batch)
        for entry in suspects:
            self._isolate(entry)

    def _decoded(self, entries: Iterator[Entry]) -> Iterator[Decoded]:
        for entry in entries:
            try:
                columns = _columns_of(entry)
            except PayloadError as error:
                self._hook.dead_lettered(self._ledger.dead_letter(entry.entry_id, f"decode: {error}"))
            else:
                yield Decoded(entry, columns)

    def _commit(self, batch: Sequence[Decoded]) -> None:
        """Commit together; in halves where the cells are too many, again without those that are stale."""
        while batch:
            aggregation = self._aggregate(batch)
            if aggregation.aggregate_count > MAX_COMMIT_AGGREGATES and len(batch) > 1:
                middle = len(batch) // 2
                self._commit(batch[:middle])
                batch = batch[middle:]
                continue
            remaining = self._send(Commit(batch[0].entry.run, [item.entry for item in batch], aggregation))
            batch = [item for item in batch if item.entry.entry_id in remaining]

    def _aggregate(self, batch: Sequence[Decoded]) -> Aggregation:
        if len(self._keys.names) > KEYS_KEPT:
            self._keys = KeyTable()
        return aggregate([item.columns for item in batch], self._keys, window_ns=batch[0].entry.window_ns)

    def _send(self, commit: Commit) -> set[str]:
        """Commit; the ids that are still to be settled, since others of the same commit were stale."""
        started = time.perf_counter()
        outcome = self._ledger.commit(commit)
        if not outcome.stale:
            self._hook.committed(commit, outcome, took_s=time.perf_counter() - started)
            if outcome.windows > self._keep_windows:
                self._ledger.prune(commit.run, keep_windows=self._keep_windows)
            return set()
        self._hook.stale(len(outcome.stale))
        return {entry.entry_id for entry in commit.entries} - set(outcome.stale)

    def _isolate(self, entry: Entry) -> None:
        """Try an entry range by range, noting each attempt before it is made, until what kills is known."""
        for item in self._decoded(iter([entry])):
            state = Isolation.of(self._ledger.isolation_note(entry.entry_id), len(item.columns))
            while state.todo:
                state = state.attempt()
                self._ledger.keep_isolation_note(entry.entry_id, state.note)
                assert state.trying is not None  # noqa: S101  attempt() has just set it
                self._handler.handle(subset(item.columns, np.arange(state.trying.start, state.trying.end)))
                state = state.survived()
            self._commit_without(item, [part.start for part in state.isolated])

    def _commit_without(self, item: Decoded, isolated: Sequence[int]) -> None:
        if not isolated:
            self._commit([item])
            return
        good = np.setdiff1d(np.arange(len(item.columns)), isolated)
        bad = [
            BadEvent(item.entry.entry_id, i, "killed two workers", encode(subset(item.columns, np.array([i]))))
            for i in isolated
        ]
        rest = replace(item, columns=subset(item.columns, good))
        aggregation = self._aggregate([rest]) if len(good) else None
        self._send(Commit(item.entry.run, [item.entry], aggregation, bad))


def subset(columns: Columns, index: NDArray[np.intp]) -> Columns:
    """Some events of a batch."""
    return replace(
        columns,
        source_index=columns.source_index[index],
        kind_index=columns.kind_index[index],
        time_ns=columns.time_ns[index],
        value=columns.value[index],
    )


def _columns_of(entry: Entry) -> Columns:
    """The columns of an entry; PayloadError also where it is not one that ingest-api wrote."""
    columns = decode(entry.payload)
    if len(columns) != entry.events or not entry.events or not entry.window_ns:
        raise PayloadError("NOT_OURS", f"{len(columns)} events, the entry says {entry.events}")
    return columns


def _run_of(entry: Entry) -> str:
    return entry.run


def _within_limits(items: Sequence[Decoded]) -> Iterator[list[Decoded]]:
    """Groups that keep a commit's limits of entries and events; one window width each."""
    group: list[Decoded] = []
    events = 0
    for item in items:
        full = len(group) == MAX_COMMIT_ENTRIES or events + item.entry.events > MAX_COMMIT_EVENTS
        if group and (full or group[0].entry.window_ns != item.entry.window_ns):
            yield group
            group, events = [], 0
        group.append(item)
        events += item.entry.events
    if group:
        yield group
