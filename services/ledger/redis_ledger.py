"""The ledger on Redis or Valkey: one function call a step (`functions.lua`)."""

import hashlib
import struct
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final
from urllib.parse import urlsplit

import redis

from services.contracts.aggregates import Aggregate, AggregateBlock, unpack
from services.ledger.connection import Lines, StoreSettings, open_client, our_errors
from services.ledger.errors import (
    BacklogFull,
    DeadLetterFull,
    LedgerError,
    LedgerMisuse,
    SequenceConflict,
    SequenceTooOld,
    StoreEmpty,
    StoreLoading,
    StoreRolledBack,
    StoreUnreachable,
    TooManyKeys,
    TooManyProducers,
    WidthConflict,
)
from services.ledger.keys import GROUP, prefix_of
from services.ledger.known_names import KnownNames
from services.ledger.port import (
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

CHANGES_PAGE_AGGREGATES: Final = 20_000
PENDING_LIMIT: Final = 256


def open_ledger(
    settings: StoreSettings, consumer: str, *, backlog_limit: int = 1_000_000, wait_s: float = 0.0
) -> "RedisLedger":
    """The ledger of a bootstrapped store; StoreEmpty where it was never bootstrapped.

    Args:
        settings: Where the store is.
        consumer: Name of this process among the readers; unique per process start.
        backlog_limit: Events that may be accepted and not counted, dead letters included.
        wait_s: Seconds to wait for a store that is starting or loading.
    """
    ledger = RedisLedger(open_client(settings), settings, consumer, backlog_limit=backlog_limit)
    end, pause = time.monotonic() + wait_s, threading.Event()
    while True:
        try:
            ledger.connect()
        except (StoreUnreachable, StoreLoading):
            if time.monotonic() >= end:
                raise
            pause.wait(0.1)
        else:
            return ledger


class RedisLedger:
    """Implements `services.ledger.port.Ledger`; safe to use from several threads."""

    def __init__(self, client: redis.Redis, settings: StoreSettings, consumer: str, *, backlog_limit: int) -> None:
        self._redis, self._lines = client, Lines(client)
        self._where = urlsplit(settings.redis_url).netloc.rpartition("@")[2]
        self._prefix = prefix_of(settings.store_namespace)
        self._stream = self._prefix + "ev"
        self._consumer = consumer
        self._limit = backlog_limit
        self._epoch = b""
        self._seen_accepted = 0
        self._known = KnownNames()

    def connect(self) -> None:
        """Learn which store this is."""
        with our_errors(self._where):
            epoch = self._redis.get(self._prefix + "epoch")
        if not epoch:
            raise StoreEmpty(f"redis {self._where} holds no ledger; run the bootstrap step against it")
        self._epoch = epoch

    def ping(self) -> None:
        """Return when the store answers."""
        with our_errors(self._where):
            self._redis.ping()

    # ------------------------------------------------------------------------------------------------ producer side

    def append(self, batch: Append) -> Appended:
        """See `Ledger.append`."""
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
        """See `Ledger.read`."""
        return self._read_group(">", count=count, block=block_ms)

    def own_pending(self) -> list[Entry]:
        """See `Ledger.own_pending`."""
        return self._read_group("0", count=1_024, block=None)

    def _read_group(self, start: str, *, count: int, block: int | None) -> list[Entry]:
        with our_errors(self._where):
            streams = {self._stream: start}
            reply = self._redis.xreadgroup(GROUP, self._consumer, streams, count=count, block=block)
        return [_entry(entry_id, fields) for _, entries in reply or () for entry_id, fields in entries if fields]

    def pending(self) -> list[Pending]:
        """See `Ledger.pending`."""
        with our_errors(self._where):
            rows = self._redis.xpending_range(self._stream, GROUP, "-", "+", PENDING_LIMIT)
        return [Pending(row["message_id"].decode(), row["consumer"].decode(), row["times_delivered"]) for row in rows]

    def claim(self, held: Sequence[Pending]) -> list[Entry]:
        """See `Ledger.claim`."""
        deliveries = {entry.entry_id: entry.deliveries + 1 for entry in held}
        if not deliveries:
            return []
        with our_errors(self._where):
            rows = self._redis.xclaim(self._stream, GROUP, self._consumer, 0, list(deliveries))
        return [_entry(entry_id, fields, deliveries) for entry_id, fields in rows if fields]

    def commit(self, commit: Commit) -> Committed:
        """See `Ledger.commit`."""
        ids = [entry.entry_id for entry in commit.entries]
        counts = struct.pack(f"<{len(ids)}H", *(entry.events for entry in commit.entries))
        reply = self._call(
            "lab_commit", self._epoch, commit.run, self._consumer, len(ids), *ids, counts, *_commit_tail(commit)
        )
        if reply[0] == -1:
            return Committed(0, tuple(entry_id.decode() for entry_id in reply[1:]))
        return Committed(counted=reply[0], windows=reply[2])

    def dead_letter(self, entry_id: str, reason: str) -> int:
        """See `Ledger.bury`."""
        return int(self._call("lab_bury", self._epoch, entry_id, reason))

    def requeue(self, dead_id: str) -> int:
        """See `Ledger.requeue`."""
        return int(self._call("lab_requeue", self._epoch, dead_id))

    def heartbeat(self) -> None:
        """See `Ledger.beat`."""
        with our_errors(self._where):
            self._redis.hincrby(self._prefix + "beat", self._consumer, 1)

    def heartbeats(self) -> Mapping[str, int]:
        """See `Ledger.beats`."""
        with our_errors(self._where):
            found = self._redis.hgetall(self._prefix + "beat")
        return {consumer.decode(): int(heartbeat) for consumer, heartbeat in found.items()}

    def reap(self, consumer: str) -> bool:
        """See `Ledger.reap`."""
        return bool(self._call("lab_reap", self._epoch, consumer))

    def isolation_note(self, entry_id: str) -> str:
        """See `Ledger.suspicion`."""
        with our_errors(self._where):
            note = self._redis.hget(self._prefix + "suspect", entry_id)
        return note.decode() if note else ""

    def keep_isolation_note(self, entry_id: str, note: str) -> None:
        """See `Ledger.suspect`."""
        with our_errors(self._where):
            self._redis.hset(self._prefix + "suspect", entry_id, note)

    def prune(self, run: str, *, keep_windows: int) -> int:
        """See `Ledger.prune`."""
        return int(self._call("lab_prune", self._epoch, run, keep_windows))

    # --------------------------------------------------------------------------------------------------- query side

    def changes(self, run: str, *, since: int) -> Changes:
        """See `Ledger.changes`."""
        epoch, known, version, balance, width, low, last_us, more, windows, totals, instances = self._call(
            "lab_changes", run, since, CHANGES_PAGE_AGGREGATES, read_only=True
        )
        return Changes(
            epoch=epoch.decode(),
            known=bool(known),
            version=int(version),
            balance=_balance(balance),
            window_ns=int(width),
            low_window=int(low) if low else None,
            last_commit_ns=int(last_us) * 1_000,
            windows={int(number): _aggregates(block) for number, block in windows},
            totals=_aggregates(totals),
            instances={name.decode(): int(count) for name, count in _pairs(instances)},
            more=bool(more),
        )

    def dead_letters(self, *, after: str = "", count: int = 100) -> list[DeadLetter]:
        """See `Ledger.dead_letters`."""
        reply = self._call("lab_dead_letters", after, count, read_only=True)
        return [_dead_letter(dead_id.decode(), dict(_pairs(fields))) for dead_id, fields in reply]

    def audit(self) -> Audit:
        """See `Ledger.audit`."""
        epoch, balance, backlog, dead, pending, anomalies = self._call("lab_audit", read_only=True)
        names = ("ghost", "stale", "refused", "requeued")
        return Audit(
            epoch=epoch.decode(),
            balance=_balance(balance),
            audited_backlog=backlog,
            audited_dead=dead,
            pending_entries=pending,
            anomalies={name: int(value or 0) for name, value in zip(names, anomalies, strict=True)},
        )

    def facts(self) -> StoreFacts:
        """See `Ledger.facts`."""
        found = {name.decode(): value.decode() for name, value in _pairs(self._call("lab_facts", read_only=True))}
        return StoreFacts(
            kind=found.get("kind", "unknown"),
            version=found.get("version", ""),
            durability=found.get("durability", "unknown"),
            epoch=self._epoch.decode(),
        )

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


def _commit_tail(commit: Commit) -> Iterator[object]:
    """The arguments of `lab_commit` after the counts."""
    yield len(commit.bad)
    for event in commit.bad:
        yield from (event.entry_id, event.index, event.reason, event.payload)
    if commit.aggregation is None:
        yield from (0, b"", 0)
        return
    yield from _block(commit.aggregation.totals)
    yield len(commit.aggregation.windows)
    for number, block in commit.aggregation.windows.items():
        yield number
        yield from _block(block)


def _block(block: AggregateBlock) -> Iterator[object]:
    yield len(block.names)
    yield block.packed.tobytes()
    yield from block.names


def _entry(entry_id: bytes, fields: Mapping[bytes, bytes], deliveries: Mapping[str, int] | None = None) -> Entry:
    """An entry by the names of its fields; one that is not ours comes back without events or payload."""
    name = entry_id.decode()
    return Entry(
        entry_id=name,
        run=fields.get(b"run", b"").decode("utf-8", "replace"),
        window_ns=int(fields.get(b"w", b"0")),
        events=int(fields.get(b"n", b"0")),
        appended_ns=int(fields.get(b"t", b"0")) * 1_000,
        payload=fields.get(b"d", b""),
        traceparent=fields.get(b"tp", b"").decode("ascii", "replace"),
        deliveries=deliveries[name] if deliveries else 1,
    )


def _dead_letter(dead_id: str, fields: Mapping[bytes, bytes]) -> DeadLetter:
    return DeadLetter(
        dead_id=dead_id,
        run=fields.get(b"run", b"").decode("utf-8", "replace"),
        entry_id=fields[b"id"].decode(),
        index=int(fields[b"i"]),
        reason=fields[b"why"].decode("utf-8", "replace"),
        events=int(fields.get(b"n", b"0")),
        payload=fields.get(b"d", b""),
    )


def _pairs(flat: Sequence[bytes]) -> Iterator[tuple[bytes, bytes]]:
    return zip(flat[::2], flat[1::2], strict=True)


def _aggregates(flat: Sequence[bytes]) -> dict[bytes, Aggregate]:
    return {name: unpack(packed) for name, packed in _pairs(flat)}


def _balance(row: Sequence[bytes | None]) -> Balance:
    return Balance(*(int(value or 0) for value in row))
