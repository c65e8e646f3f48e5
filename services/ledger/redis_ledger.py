"""The ledger on Redis or Valkey: every step is one call of the store, most of them of `functions.lua`."""

import hashlib
import struct
from collections.abc import Mapping, Sequence
from typing import Any, Final

import redis

from services.ledger.connection import Lines, StoreSettings, open_client, our_errors
from services.ledger.errors import (
    BacklogFull,
    DeadLetterFull,
    LedgerError,
    LedgerMisuse,
    SequenceConflict,
    SequenceTooOld,
    StoreEmpty,
    StoreRolledBack,
    TooManyKeys,
    TooManyProducers,
    WidthConflict,
)
from services.ledger.keys import EPOCH, GROUP, HEARTBEATS, STREAM, SUSPECTS, prefix_of
from services.ledger.known_names import KnownNames
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
from services.ledger.waiting import wait_for_store
from services.ledger.wire import audit_of, changes_of, commit_tail, dead_letter_of, entry_of, pairs

CHANGES_PAGE_AGGREGATES: Final = 20_000
PENDING_LIMIT: Final = 256
OWN_PENDING_LIMIT: Final = 1_024


def open_ledger(
    settings: StoreSettings, consumer: str, *, backlog_limit: int = 1_000_000, wait_s: float = 0.0
) -> "RedisLedger":
    """Return the ledger of a bootstrapped store.

    Args:
        settings: Where the store is.
        consumer: Name of this process in the consumer group, unique per process start.
        backlog_limit: Events that may be accepted and not counted, dead letters included.
        wait_s: Seconds to wait for a store that is starting or loading its data.

    Raises:
        StoreEmpty: The store was never bootstrapped.
        LedgerError: The store cannot be reached, or denies access.
    """
    ledger = RedisLedger(open_client(settings), settings, consumer, backlog_limit=backlog_limit)
    wait_for_store(ledger.connect, seconds=wait_s)
    return ledger


class RedisLedger:
    """The account of every event. Safe to use from several threads.

    Every method is one atomic step of the store, and raises the errors of `services.ledger.errors`. Delivery to workers
    is at least once; the checks of `commit` make the effect exactly once.
    """

    def __init__(self, client: redis.Redis, settings: StoreSettings, consumer: str, *, backlog_limit: int) -> None:
        self._redis, self._lines = client, Lines(client)
        self._where = settings.where
        self._prefix = prefix_of(settings.store_namespace)
        self._stream = self._prefix + STREAM
        self._consumer = consumer
        self._limit = backlog_limit
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
        facts = dict(pairs(self._call("lab_facts", read_only=True)))
        return StoreFacts(self._epoch.decode(), facts.get(b"durability", b"unknown").decode())

    # ------------------------------------------------------------------------------------------------ producer side

    def append(self, batch: Append) -> Appended:
        """Add a batch once.

        Raises:
            BacklogFull: Too many events wait to be counted.
            DeadLetterFull: Dead letters fill the limit.
            SequenceConflict: The sequence was accepted with another payload.
            SequenceTooOld: The sequence left the idempotency window.
            TooManyKeys: The run would hold too many (source, kind) pairs.
            TooManyProducers: Too many producers are live.
            WidthConflict: The run has another window width.
            LedgerError: The store is full, away, or not the store of the start.
        """
        producer = batch.producer.hex()
        digest = hashlib.blake2b(batch.payload, digest_size=8).hexdigest()
        fresh = self._known.unknown(batch.run, batch.names)
        try:
            outcome, entry_id, count = self._call(
                "lab_append", self._epoch, producer, batch.sequence, digest, batch.events, batch.run, batch.window_ns,
                self._limit, self._seen_accepted, batch.traceparent, batch.payload, *fresh,
            )  # fmt: skip
        except LedgerMisuse as error:
            raise _append_error(batch, error) from error.__cause__
        if outcome in {b"BUSY", b"DEAD"}:
            raise _full(outcome, int(entry_id), self._limit)
        self._known.add(batch.run, fresh)
        self._seen_accepted = max(self._seen_accepted, int(count))
        return Appended(outcome == b"DUP", entry_id.decode(), int(count))

    # -------------------------------------------------------------------------------------------------- worker side

    def read(self, *, count: int, block_ms: int) -> list[Entry]:
        """Read up to *count* entries that no consumer has had. Wait up to *block_ms* for the first."""
        return self._read_group(">", count=count, block=block_ms)

    def own_pending(self) -> list[Entry]:
        """Read again the entries that this consumer has had and not committed."""
        return self._read_group("0", count=OWN_PENDING_LIMIT, block=None)

    def _read_group(self, start: str, *, count: int, block: int | None) -> list[Entry]:
        with our_errors(self._where):
            streams = {self._stream: start}
            reply = self._redis.xreadgroup(GROUP, self._consumer, streams, count=count, block=block)
        return [entry_of(entry_id, fields) for _, entries in reply or () for entry_id, fields in entries if fields]

    def pending(self) -> list[Pending]:
        """Return up to 256 entries that were delivered and not committed, the oldest first."""
        with our_errors(self._where):
            rows = self._redis.xpending_range(self._stream, GROUP, "-", "+", PENDING_LIMIT)
        return [Pending(row["message_id"].decode(), row["consumer"].decode(), row["times_delivered"]) for row in rows]

    def claim(self, held: Sequence[Pending]) -> list[Entry]:
        """Take over entries of a dead consumer. Entries that were committed meanwhile are left out."""
        deliveries = {entry.entry_id: entry.deliveries + 1 for entry in held}
        if not deliveries:
            return []
        with our_errors(self._where):
            rows = self._redis.xclaim(self._stream, GROUP, self._consumer, 0, list(deliveries))
        return [entry_of(entry_id, fields, deliveries) for entry_id, fields in rows if fields]

    def commit(self, commit: Commit) -> Committed:
        """Remove entries from the stream and add their events to the aggregates.

        Where an entry is stale, nothing happens, and the stale entries are named.
        """
        ids = [entry.entry_id for entry in commit.entries]
        counts = struct.pack(f"<{len(ids)}H", *(entry.events for entry in commit.entries))
        reply = self._call(
            "lab_commit", self._epoch, commit.run, self._consumer, len(ids), *ids, counts, *commit_tail(commit)
        )
        if reply[0] == -1:
            return Committed(0, tuple(entry_id.decode() for entry_id in reply[1:]))
        return Committed(counted=reply[0], windows=reply[2])

    def dead_letter(self, entry_id: str, reason: str) -> int:
        """Make a whole entry a dead letter. Return the events moved, 0 when the entry was committed before."""
        return int(self._call("lab_bury", self._epoch, entry_id, reason))

    def requeue(self, dead_id: str) -> int:
        """Put a dead letter back into the stream. Return the events moved, 0 when the letter is gone."""
        return int(self._call("lab_requeue", self._epoch, dead_id))

    def heartbeat(self) -> None:
        """Advance this consumer's heartbeat."""
        with our_errors(self._where):
            self._redis.hincrby(self._prefix + HEARTBEATS, self._consumer, 1)

    def heartbeats(self) -> Mapping[str, int]:
        """Return the heartbeat of each consumer."""
        with our_errors(self._where):
            heartbeats = self._redis.hgetall(self._prefix + HEARTBEATS)
        return {consumer.decode(): int(heartbeat) for consumer, heartbeat in heartbeats.items()}

    def reap(self, consumer: str) -> bool:
        """Forget a dead consumer. Return False where it still holds entries."""
        return bool(self._call("lab_reap", self._epoch, consumer))

    def isolation_note(self, entry_id: str) -> str:
        """Return the note on a suspect entry, or an empty text."""
        with our_errors(self._where):
            note = self._redis.hget(self._prefix + SUSPECTS, entry_id)
        return note.decode() if note else ""

    def keep_isolation_note(self, entry_id: str, note: str) -> None:
        """Keep a note on a suspect entry, until the entry is committed or becomes a dead letter."""
        with our_errors(self._where):
            self._redis.hset(self._prefix + SUSPECTS, entry_id, note)

    def prune(self, run: str, *, keep_windows: int) -> int:
        """Remove a run's oldest windows beyond *keep_windows*, at most 500. Return their number. The totals stay."""
        return int(self._call("lab_prune", self._epoch, run, keep_windows))

    # --------------------------------------------------------------------------------------------------- query side

    def changes(self, run: str, *, since: int) -> Changes:
        """Return the changes of a run after version *since*. An empty *run* gives the store's balance alone."""
        return changes_of(self._call("lab_changes", run, since, CHANGES_PAGE_AGGREGATES, read_only=True))

    def balance(self) -> Balance:
        """Return the account of the whole store."""
        return self.changes("", since=0).balance

    def dead_letters(self, *, after: str = "", count: int = 100) -> list[DeadLetter]:
        """Return the dead letters that follow the id *after*, the oldest first."""
        reply = self._call("lab_dead_letters", after, count, read_only=True)
        return [dead_letter_of(dead_id, fields) for dead_id, fields in reply]

    def audit(self) -> Audit:
        """Return the account, and backlog and dead events recomputed from the streams."""
        return audit_of(self._call("lab_audit", read_only=True))

    def _call(self, function: str, *arguments: object, read_only: bool = False) -> Any:  # noqa: ANN401  a wire reply
        with our_errors(self._where):
            command = "FCALL_RO" if read_only else "FCALL"
            return self._lines.call(command, function, 1, self._prefix, *arguments)


APPEND_REPLIES: Final[Mapping[str, tuple[type[LedgerError], str]]] = {
    "LABCONFLICT": (SequenceConflict, "seq {seq} was accepted with another payload (digest {0}); use a new seq"),
    "LABTOOOLD": (SequenceTooOld, "seq {seq} is 1024 or more behind {0}; its outcome is unknown"),
    "LABKEYS": (TooManyKeys, "run {run} would hold more than {0} (source, kind) pairs"),
    "LABPRODUCERS": (TooManyProducers, "{0} producers are live; keep one producer_id per process"),
    "LABWIDTH": (WidthConflict, "run {run} has windows of {0} ns, not {width}"),
    "LABROLLBACK": (StoreRolledBack, "accepted went from {1} to {0} in this store; acknowledged events are gone"),
}
"""Error code of `lab_append` → our error, its message."""


def _append_error(batch: Append, misuse: LedgerMisuse) -> LedgerError:
    code, *details = misuse.reply.split()
    if code not in APPEND_REPLIES:
        return misuse
    error, message = APPEND_REPLIES[code]
    return error(message.format(*details, seq=batch.sequence, run=batch.run, width=batch.window_ns))


def _full(outcome: bytes, held: int, limit: int) -> BacklogFull | DeadLetterFull:
    if outcome == b"BUSY":
        return BacklogFull(f"backlog {held:,} of {limit:,} events; retry when the workers have caught up")
    return DeadLetterFull(f"{held:,} dead letters fill the limit of {limit:,} events; see: lab dead list")
