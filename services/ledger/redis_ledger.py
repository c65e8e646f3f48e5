"""The ledger on Redis or Valkey: every step is one call of the store, most of them of a function in `functions/`.

Any process may be killed between any two steps, and no event is lost or counted twice:

* A producer that has no answer sends the batch again. The ring of its producer tells whether the batch was added
  (`functions/append.lua`).
* A worker that dies holds entries that are pending. Its next life under the same name, or another worker, reads them
  again. A commit counts an entry in the step that takes it off the pending list (`functions/commit.lua`).
* The store replays its append-only file, in which a step is there whole or not at all. A store that lost the end of
  the file is behind what it had acknowledged. Who notices marks the store, so that nobody appends to it any more, not
  even a process that started since.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import redis

from services.ledger.connection import Lines, StoreSettings, open_client, our_errors
from services.ledger.durability import DurabilityWatch, read_durability
from services.ledger.errors import LedgerMisuse, StoreEmpty, StoreRolledBack
from services.ledger.keys import EPOCH, GROUP, HEARTBEATS, STREAM, SUSPECTS, prefix_of
from services.ledger.known_names import KnownNames
from services.ledger.library import function
from services.ledger.records import (
    Append,
    Appended,
    Audit,
    Balance,
    Changes,
    Commit,
    Committed,
    DeadLetter,
    Entry,
    Pending,
    StoreFacts,
)
from services.ledger.refusals import FULL, ROLLED_BACK, full_error, refusal_of
from services.ledger.waiting import wait_for_store
from services.ledger.wire import (
    audit_of,
    changes_of,
    commit_arguments,
    committed_of,
    dead_letter_of,
    digest_of,
    entry_of,
    pairs,
)

CHANGES_PAGE_AGGREGATES: Final = 20_000
PENDING_LIMIT: Final = 256
AUDIT_SLICES: Final = 100_000
"""Calls of one audit, each over up to 1,000 entries. Only a stream that grows faster than it is read needs as many."""
BACKLOG_EVENTS: Final = 1_000_000
BACKLOG_BYTES: Final = 128 << 20


def open_ledger(
    settings: StoreSettings,
    consumer: str,
    *,
    backlog_limit: int = BACKLOG_EVENTS,
    backlog_bytes: int = BACKLOG_BYTES,
    wait_s: float = 0.0,
) -> "RedisLedger":
    """Return the ledger of a bootstrapped store.

    Args:
        settings: Where the store is.
        consumer: Name of this process in the consumer group. No two processes have it at a time.
        backlog_limit: Events that may be accepted and not counted, dead letters included.
        backlog_bytes: Bytes that their entries may take in the store.
        wait_s: Seconds to wait for a store that is starting or loading its data.

    Raises:
        StoreEmpty: The store was never bootstrapped.
        LedgerError: The store cannot be reached, or denies access.
    """
    ledger = RedisLedger(
        open_client(settings), settings, consumer, backlog_limit=backlog_limit, backlog_bytes=backlog_bytes
    )
    wait_for_store(ledger.connect, seconds=wait_s)
    return ledger


class RedisLedger:
    """The account of every event. Safe to use from several threads.

    Every method but `audit` is one atomic step of the store, and raises the errors of `services.ledger.errors`.
    Delivery to workers is at least once; the checks of `commit` make the effect exactly once.
    """

    def __init__(
        self,
        client: redis.Redis,
        settings: StoreSettings,
        consumer: str,
        *,
        backlog_limit: int = BACKLOG_EVENTS,
        backlog_bytes: int = BACKLOG_BYTES,
    ) -> None:
        self._redis, self._lines = client, Lines(client)
        self._where = settings.where
        self._prefix = prefix_of(settings.store_namespace)
        self._stream = self._prefix + STREAM
        self._consumer = consumer
        self._limits = (backlog_limit, backlog_bytes)
        self._epoch = b""
        self._seen_accepted = 0
        self._known = KnownNames()

    def connect(self) -> None:
        """Read the identity of the store."""
        with our_errors(self._where):
            epoch = self._redis.get(self._prefix + EPOCH)
        if not epoch:
            raise StoreEmpty(f"redis {self._where} holds no ledger; run the bootstrap step against it")
        self._epoch = epoch

    def ping(self) -> None:
        """Return when the store answers."""
        with our_errors(self._where):
            self._redis.ping()

    def facts(self) -> StoreFacts:
        """Return the facts that bootstrap wrote about the store."""
        facts = dict(pairs(self._call("facts", read_only=True)))
        return StoreFacts(self._epoch.decode(), facts.get(b"durability", b"unknown").decode())

    def watched_durability(self, *, every_s: float) -> DurabilityWatch:
        """Return a function that returns the store's durability class, read at most every so many seconds."""
        return DurabilityWatch(self._durability_now, self.facts().durability, every_s=every_s)

    def _durability_now(self) -> str:
        with our_errors(self._where):
            classified, _ = read_durability(self._redis)
        return classified.durability

    # ------------------------------------------------------------------------------------------------ producer side

    def append(self, batch: Append) -> Appended:
        """Add a batch once.

        Raises:
            BacklogFull: Too many events, or too many bytes, wait to be counted.
            DeadLetterFull: Dead letters fill the limit.
            SequenceConflict: The sequence was accepted with another payload, in another run or with another width.
            SequenceTooOld: The sequence left the idempotency window.
            TooManyKeys: The run would hold too many (source, kind) pairs.
            TooManyProducers: Too many producers appended within an hour.
            WidthConflict: The run has another window width.
            LedgerError: The store is full, away, or not the store of the start.
        """
        fresh = self._known.unknown(batch.run, batch.names)
        try:
            reply = self._call(
                "append", self._epoch, batch.producer.hex(), batch.sequence, digest_of(batch), batch.events, batch.run,
                batch.window_ns, *self._limits, self._seen_accepted, batch.traceparent, batch.payload, *fresh,
            )  # fmt: skip
        except LedgerMisuse as error:
            raise refusal_of(batch, error) from error.__cause__
        if reply[0] in FULL:
            raise full_error(reply)
        outcome, entry_id, accepted = reply
        self._known.add(batch.run, fresh)
        self._seen_accepted = max(self._seen_accepted, int(accepted))
        return Appended(outcome == b"DUP", entry_id.decode(), int(accepted))

    # -------------------------------------------------------------------------------------------------- worker side

    def read(self, *, count: int, block_ms: int) -> list[Entry]:
        """Read up to *count* entries that no consumer has had. Wait up to *block_ms* for the first."""
        with our_errors(self._where):
            streams = {self._stream: ">"}
            reply = self._redis.xreadgroup(GROUP, self._consumer, streams, count=count, block=block_ms)
        return [entry_of(entry_id, fields) for _, entries in reply or () for entry_id, fields in entries if fields]

    def pending(self) -> list[Pending]:
        """Return up to 256 entries that were delivered and not committed, the oldest first."""
        return self._pending(None)

    def own_pending(self) -> list[Pending]:
        """Return up to 256 entries that were delivered to this consumer and not committed, the oldest first."""
        return self._pending(self._consumer)

    def _pending(self, consumer: str | None) -> list[Pending]:
        with our_errors(self._where):
            rows = self._redis.xpending_range(self._stream, GROUP, "-", "+", PENDING_LIMIT, consumer)
        return [Pending(row["message_id"].decode(), row["consumer"].decode(), row["times_delivered"]) for row in rows]

    def claim(self, held: Sequence[Pending]) -> list[Entry]:
        """Take over entries, of a dead consumer or of this one. Entries that were committed meanwhile are left out."""
        deliveries = {entry.entry_id: entry.deliveries + 1 for entry in held}
        if not deliveries:
            return []
        with our_errors(self._where):
            rows = self._redis.xclaim(self._stream, GROUP, self._consumer, 0, list(deliveries))
        return [entry_of(entry_id, fields, deliveries) for entry_id, fields in rows if fields]

    def commit(self, commit: Commit) -> Committed:
        """Remove entries from the stream and add their events to the aggregates.

        Where an entry is stale, or a sum would leave the exact range, nothing happens, and the outcome says which.
        """
        reply = self._call("commit", self._epoch, commit.run, self._consumer, *commit_arguments(commit))
        return committed_of(reply)

    def dead_letter(self, entry_id: str, reason: str) -> int:
        """Make a whole entry a dead letter. Return the events moved, 0 when the entry was committed before."""
        return int(self._call("bury", self._epoch, entry_id, reason))

    def requeue(self, dead_id: str) -> int:
        """Put a dead letter back into the stream. Return the events moved, 0 when the letter is gone."""
        return int(self._call("requeue", self._epoch, dead_id))

    def heartbeat(self) -> None:
        """Advance this consumer's heartbeat."""
        self._call("beat", self._epoch, self._consumer)

    def heartbeats(self) -> Mapping[str, int]:
        """Return the heartbeat of each consumer."""
        with our_errors(self._where):
            heartbeats = self._redis.hgetall(self._prefix + HEARTBEATS)
        return {consumer.decode(): int(heartbeat) for consumer, heartbeat in heartbeats.items()}

    def reap(self, consumer: str) -> bool:
        """Forget a dead consumer. Return False where it still holds entries."""
        return bool(self._call("reap", self._epoch, consumer))

    def isolation_note(self, entry_id: str) -> str:
        """Return the note on a suspect entry, or an empty text."""
        with our_errors(self._where):
            note = self._redis.hget(self._prefix + SUSPECTS, entry_id)
        return note.decode() if note else ""

    def keep_isolation_note(self, entry_id: str, note: str) -> None:
        """Keep a note on a suspect entry, until the entry is committed or becomes a dead letter."""
        self._call("note", self._epoch, entry_id, note)

    def prune(self, run: str, *, keep_windows: int) -> int:
        """Remove a run's oldest windows beyond *keep_windows*, at most 500. Return their number. The totals stay."""
        return int(self._call("prune", self._epoch, run, keep_windows))

    def forget_runs(self, *, keep_runs: int) -> bool:
        """Forget a part of the runs beyond the *keep_runs* that were used last. Return False where there are none.

        A run that was used within two hours, or that holds events that are not counted, is kept.
        """
        return bool(self._call("forget_runs", self._epoch, keep_runs))

    # --------------------------------------------------------------------------------------------------- query side

    def changes(self, run: str, *, since: int) -> Changes:
        """Return the changes of a run after version *since*. An empty *run* gives the store's balance alone.

        Raises:
            StoreRolledBack: The store has accepted fewer events than it had before.
        """
        seen = self._seen_accepted
        reply = self._call("changes", run, since, CHANGES_PAGE_AGGREGATES, read_only=True)
        changes, accepted = changes_of(reply), int(reply[-1])
        if changes.epoch.encode() == self._epoch:
            self._check_accepted(accepted, seen=seen)
        return changes

    def _check_accepted(self, accepted: int, *, seen: int) -> None:
        """Mark a store that has accepted fewer events than it had when it was *seen* before this call."""
        if accepted < seen:
            self._call("mark_loss", self._epoch, seen)
            raise StoreRolledBack(ROLLED_BACK.format(accepted, seen))
        self._seen_accepted = max(self._seen_accepted, accepted)

    def balance(self) -> Balance:
        """Return the account of the whole store."""
        return self.changes("", since=0).balance

    def dead_letters(self, *, after: str = "", count: int = 100) -> list[DeadLetter]:
        """Return the dead letters that follow the id *after*, the oldest first."""
        reply = self._call("dead_letters", after, count, read_only=True)
        return [dead_letter_of(dead_id, fields) for dead_id, fields in reply]

    def audit(self) -> Audit:
        """Return the account, and the backlog recomputed from the stream.

        The stream is read in slices, so that no other call waits for long. The figures are those of one moment, the
        last slice, whatever is appended and committed between the slices.
        """
        for number in range(AUDIT_SLICES):
            reply = self._call("audit", self._epoch, int(number == 0))
            if reply:
                return audit_of(reply)
        raise LedgerMisuse(f"redis {self._where}: an audit of {AUDIT_SLICES:,} slices did not reach the stream's end")

    def _call(self, name: str, *arguments: object, read_only: bool = False) -> Any:  # noqa: ANN401  a wire reply
        with our_errors(self._where):
            command = "FCALL_RO" if read_only else "FCALL"
            return self._lines.call(command, function(name), 1, self._prefix, *arguments)
