"""Commits entries: decode, handle, aggregate, commit, and retry without stale entries."""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Final

import numpy as np
from numpy.typing import NDArray

from services.contracts.aggregates import Aggregation, KeyTable, aggregate
from services.contracts.batches import Columns, PayloadError, decode, encode
from services.contracts.limits import MAX_COMMIT_AGGREGATES, MAX_COMMIT_ENTRIES, MAX_COMMIT_EVENTS
from services.ledger.records import BadEvent, Commit, Entry
from services.ledger.redis_ledger import RedisLedger
from services.process_worker.handling import Handler
from services.process_worker.isolation import Isolation
from services.process_worker.telemetry import WorkerTelemetry

ISOLATED_FROM_DELIVERY: Final = 3
KEYS_KEPT: Final = 100_000


@dataclass(frozen=True, slots=True)
class Decoded:
    """An entry and its columns."""

    entry: Entry
    columns: Columns


class Committer:
    """Commits entries together; suspects, which may kill their worker, one by one.

    Delivery of entries is at least once. An entry that another worker has committed is stale and is left out, so that
    the effect is exactly once.
    """

    def __init__(self, ledger: RedisLedger, handler: Handler, telemetry: WorkerTelemetry, *, keep_windows: int) -> None:
        self._ledger, self._handler, self._telemetry = ledger, handler, telemetry
        self._keep_windows = keep_windows
        self._keys = KeyTable()

    def commit(self, entries: Sequence[Entry]) -> None:
        """Commit all entries."""
        self._telemetry.received(entries)
        suspects = [entry for entry in entries if entry.deliveries >= ISOLATED_FROM_DELIVERY]
        innocent = [entry for entry in entries if entry.deliveries < ISOLATED_FROM_DELIVERY]
        for _, group in groupby(sorted(innocent, key=_run_of), key=_run_of):
            for batch in _within_limits(list(self._decoded(group))):
                for decoded in batch:
                    self._handler.handle(decoded.columns)
                self._commit(batch)
        for entry in suspects:
            self._isolate(entry)

    def _decoded(self, entries: Iterator[Entry]) -> Iterator[Decoded]:
        """Decode entries. An entry that cannot be decoded becomes a dead letter."""
        for entry in entries:
            try:
                columns = _columns_of(entry)
            except PayloadError as error:
                self._telemetry.dead_lettered(self._ledger.dead_letter(entry.entry_id, f"decode: {error}"))
            else:
                yield Decoded(entry, columns)

    def _commit(self, batch: Sequence[Decoded]) -> None:
        """Commit together: in halves where there are too many aggregates, again without stale entries."""
        while batch:
            aggregation = self._aggregate(batch)
            if aggregation.aggregate_count > MAX_COMMIT_AGGREGATES and len(batch) > 1:
                middle = len(batch) // 2
                self._commit(batch[:middle])
                batch = batch[middle:]
                continue
            remaining = self._send(Commit(batch[0].entry.run, [decoded.entry for decoded in batch], aggregation))
            batch = [decoded for decoded in batch if decoded.entry.entry_id in remaining]

    def _aggregate(self, batch: Sequence[Decoded]) -> Aggregation:
        if len(self._keys.names) > KEYS_KEPT:
            self._keys = KeyTable()
        return aggregate([decoded.columns for decoded in batch], self._keys, window_ns=batch[0].entry.window_ns)

    def _send(self, commit: Commit) -> set[str]:
        """Send a commit. Return the ids that are still to be committed, because other entries were stale."""
        started = time.perf_counter()
        outcome = self._ledger.commit(commit)
        if not outcome.stale:
            self._telemetry.committed(commit, outcome, took_s=time.perf_counter() - started)
            if outcome.windows > self._keep_windows:
                self._ledger.prune(commit.run, keep_windows=self._keep_windows)
            return set()
        self._telemetry.stale(len(outcome.stale))
        return {entry.entry_id for entry in commit.entries} - set(outcome.stale)

    def _isolate(self, entry: Entry) -> None:
        """Handle a suspect range by range, each noted before its attempt, then commit without the isolated events."""
        for decoded in self._decoded(iter([entry])):
            state = Isolation.of(self._ledger.isolation_note(entry.entry_id), len(decoded.columns))
            while state.todo:
                state = state.attempt()
                self._ledger.keep_isolation_note(entry.entry_id, state.note)
                assert state.trying is not None  # noqa: S101  attempt() has just set it
                self._handler.handle(subset(decoded.columns, np.arange(state.trying.start, state.trying.end)))
                state = state.survived()
            self._commit_without(decoded, [part.start for part in state.isolated])

    def _commit_without(self, decoded: Decoded, isolated: Sequence[int]) -> None:
        """Commit an entry whose *isolated* events become dead letters."""
        if not isolated:
            self._commit([decoded])
            return
        entry_id, columns = decoded.entry.entry_id, decoded.columns
        good = np.setdiff1d(np.arange(len(columns)), isolated)
        bad = [
            BadEvent(entry_id, index, "killed two workers", encode(subset(columns, np.array([index]))))
            for index in isolated
        ]
        rest = replace(decoded, columns=subset(columns, good))
        aggregation = self._aggregate([rest]) if len(good) else None
        self._send(Commit(decoded.entry.run, [decoded.entry], aggregation, bad))


def subset(columns: Columns, index: NDArray[np.intp]) -> Columns:
    """Return the events at some positions of a batch."""
    return replace(
        columns,
        source_index=columns.source_index[index],
        kind_index=columns.kind_index[index],
        time_ns=columns.time_ns[index],
        value=columns.value[index],
    )


def _columns_of(entry: Entry) -> Columns:
    """Return the columns of an entry. Raises PayloadError, also for an entry that ingest-api did not write."""
    columns = decode(entry.payload)
    if len(columns) != entry.events or not entry.events or not entry.window_ns:
        raise PayloadError("NOT_OURS", f"{len(columns)} events, the entry says {entry.events}")
    return columns


def _run_of(entry: Entry) -> str:
    return entry.run


def _within_limits(batch: Sequence[Decoded]) -> Iterator[list[Decoded]]:
    """Yield groups that keep a commit's limits of entries and events, each with one window width."""
    group: list[Decoded] = []
    events = 0
    for decoded in batch:
        full = len(group) == MAX_COMMIT_ENTRIES or events + decoded.entry.events > MAX_COMMIT_EVENTS
        if group and (full or group[0].entry.window_ns != decoded.entry.window_ns):
            yield group
            group, events = [], 0
        group.append(decoded)
        events += decoded.entry.events
    if group:
        yield group
