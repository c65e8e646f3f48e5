"""Commits entries: decode, handle, aggregate, commit, and retry without what cannot be committed."""

import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from itertools import groupby
from typing import Final

import numpy as np

from services.contracts.aggregates import Aggregation, aggregate
from services.contracts.batch_rules import check_countable
from services.contracts.batches import PayloadError
from services.contracts.key_table import KeyTable
from services.contracts.limits import MAX_COMMIT_AGGREGATES, MAX_COMMIT_ENTRIES, MAX_COMMIT_EVENTS
from services.ledger.errors import LedgerMisuse
from services.ledger.records import Commit, Committed, Entry
from services.ledger.redis_ledger import RedisLedger
from services.process_worker.decoding import Decoded, decoded_entry, subset
from services.process_worker.exact_range import overflowing
from services.process_worker.handling import Handler
from services.process_worker.isolation import Isolation
from services.process_worker.telemetry import WorkerTelemetry

ISOLATED_FROM_DELIVERY: Final = 3
NAMES_KEPT_BYTES: Final = 16 << 20
"""Memory of the remembered names. A board's worker has 192 MiB, of which it needs 80 at rest."""
UNCOUNTABLE: Final = (ArithmeticError, IndexError, ValueError, LedgerMisuse)
"""Errors that an entry causes which ingest-api did not write."""
SURVIVED_ENTRIES: Final = 1_024
"""Entries that broken connections leave half isolated are remembered up to this number."""
KILLED_TWO: Final = "killed two workers"


class Committer:
    """Commits entries together; suspects, which may kill their worker, one by one.

    Delivery of entries is at least once. An entry that another worker has committed is stale and is left out, so that
    the effect is exactly once.
    """

    def __init__(self, ledger: RedisLedger, handler: Handler, telemetry: WorkerTelemetry, *, keep_windows: int) -> None:
        self._ledger, self._handler, self._telemetry = ledger, handler, telemetry
        self._keep_windows = keep_windows
        self._keys = KeyTable()
        self._survived: dict[str, Isolation] = {}
        """Entry → state of its isolation, as far as this worker has lived through it. A connection that breaks leaves
        the note of an attempt in the store, as a death does; the worker that goes on knows better."""

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
                decoded = decoded_entry(entry)
            except PayloadError as error:
                self._dead_letter(entry, error)
            else:
                yield decoded

    def _commit(self, batch: Sequence[Decoded]) -> None:
        """Commit together: in halves where there are too many aggregates, again without what cannot be committed."""
        while batch:
            try:
                aggregation = self._aggregate(batch)
                if aggregation and aggregation.aggregate_count > MAX_COMMIT_AGGREGATES and len(batch) > 1:
                    middle = len(batch) // 2
                    self._commit(batch[:middle])
                    batch = batch[middle:]
                    continue
                outcome = self._send(batch, aggregation)
            except UNCOUNTABLE as error:
                batch = self._countable(batch, error)
            else:
                batch = self._rest(batch, outcome)

    def _aggregate(self, batch: Sequence[Decoded]) -> Aggregation | None:
        """Return the aggregates of a batch; None where no event of it is to be counted."""
        if self._keys.memory_bytes > NAMES_KEPT_BYTES:
            self._keys = KeyTable()
        columns = [decoded.columns for decoded in batch if len(decoded.columns)]
        return aggregate(columns, self._keys, window_ns=batch[0].entry.window_ns) if columns else None

    def _send(self, batch: Sequence[Decoded], aggregation: Aggregation | None) -> Committed:
        entries = [decoded.entry for decoded in batch]
        commit = Commit(batch[0].entry.run, entries, aggregation, [event for part in batch for event in part.bad])
        started = time.perf_counter()
        outcome = self._ledger.commit(commit)
        if outcome.stale:
            self._telemetry.stale(len(outcome.stale))
        elif not outcome.beyond:
            self._telemetry.committed(commit, outcome, took_s=time.perf_counter() - started)
            if outcome.windows > self._keep_windows:
                self._ledger.prune(commit.run, keep_windows=self._keep_windows)
        return outcome

    def _rest(self, batch: Sequence[Decoded], outcome: Committed) -> Sequence[Decoded]:
        """Return what is still to be committed after an attempt."""
        if outcome.stale:
            return [decoded for decoded in batch if decoded.entry.entry_id not in outcome.stale]
        if not outcome.beyond:
            return ()
        if len(batch) > 1:
            # Alone, an entry leaves out only what does not fit after all entries before it.
            for decoded in batch:
                self._commit([decoded])
            return ()
        [decoded] = batch
        left_out = overflowing(decoded.columns, decoded.entry.window_ns, outcome.beyond)
        return [decoded.without(np.flatnonzero(left_out), "its sum would leave the exact range")]

    def _countable(self, batch: Sequence[Decoded], error: Exception) -> Sequence[Decoded]:
        """Return the entries that keep the rules, after an error; the others become dead letters.

        The rules are checked only now, since ingest-api has checked what it wrote.
        """
        countable = []
        for decoded in batch:
            try:
                if len(decoded.columns):
                    check_countable(decoded.columns, decoded.entry.window_ns)
            except PayloadError as broken:
                self._dead_letter(decoded.entry, broken)
            else:
                countable.append(decoded)
        if len(countable) == len(batch):
            raise error
        return countable

    def _dead_letter(self, entry: Entry, error: PayloadError) -> None:
        reason = f"{error.field}: {error}" if error.field else str(error)
        self._telemetry.dead_lettered(self._ledger.dead_letter(entry.entry_id, f"decode: {reason}"))

    def _isolate(self, entry: Entry) -> None:
        """Open and handle a suspect range by range, each noted before its attempt; commit without isolated events."""
        survived = self._survived.get(entry.entry_id)
        state = survived or Isolation.of(self._ledger.isolation_note(entry.entry_id), entry.events)
        if state.kills_when_opened:
            reason = f"{KILLED_TWO} when it was opened"
            self._telemetry.dead_lettered(self._ledger.dead_letter(entry.entry_id, reason))
            return
        self._note(entry, state, state.opening())
        for decoded in self._decoded(iter([entry])):
            with suppress(*UNCOUNTABLE):  # the commit finds the same error, and deals with it
                self._aggregate([decoded])
            while state.todo:
                attempt = state.attempt()
                self._note(entry, state, attempt)
                assert attempt.trying is not None  # noqa: S101  attempt() has just set it
                self._handler.handle(subset(decoded.columns, np.arange(attempt.trying.start, attempt.trying.end)))
                state = attempt.survived()
            self._survived[entry.entry_id] = state
            isolated = np.array([part.start for part in state.isolated], np.intp)
            self._commit([decoded.without(isolated, KILLED_TWO)])
        self._survived.pop(entry.entry_id, None)

    def _note(self, entry: Entry, state: Isolation, attempt: Isolation) -> None:
        """Note an attempt in the store, and in memory the state to go on from where this worker survives it."""
        if len(self._survived) >= SURVIVED_ENTRIES:
            self._survived.clear()
        self._survived[entry.entry_id] = state
        self._ledger.keep_isolation_note(entry.entry_id, attempt.note)


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
