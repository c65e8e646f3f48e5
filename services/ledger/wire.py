"""Turns records into arguments of the store's functions (`functions/`), and replies into records. Pure."""

import hashlib
import struct
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any, Final, NamedTuple, TypeAlias

from services.contracts.aggregates import Aggregate, AggregateBlock, unpack
from services.ledger.records import (
    Append,
    Audit,
    Balance,
    BeyondRange,
    Changes,
    Commit,
    Committed,
    DeadLetter,
    Entry,
)

Reply: TypeAlias = Any
"""What the store answers: a number, bytes, nothing, or a list of replies. Each command has a shape of its own, which
the functions below turn into a record."""
STALE: Final = -1
BEYOND_RANGE: Final = -2
"""First elements of the reply to a commit that was refused."""
MOST_EVENTS: Final = 0xFFFF
"""Events of one entry, as `functions/layout.lua` has it."""
MOST_BYTES: Final = 1 << 30
"""Bytes that an entry may count for, far beyond what a request can hold. The sum over a commit stays exact in Lua."""
MOST_US: Final = 1 << 53
"""Time of the store's clock. Lua can count no further."""
WHOLE_BATCH: Final = -1
"""Index of a dead letter that is a whole entry."""
MOST_DIGITS: Final = 32
"""Digits of a number that is read. Python refuses to read thousands of them."""


class AppendReply(NamedTuple):
    """Reply of the function `append` to a batch that is in the store.

    Attributes:
        outcome: `OK`, or `DUP` for a batch that was there before.
        entry_id: Id of the entry; empty for a duplicate.
        accepted: Events that the store has accepted in all runs.
        born: Tells the run from an earlier run of the same name; empty for a duplicate.
    """

    outcome: bytes
    entry_id: bytes
    accepted: bytes | int
    born: bytes


class ChangesReply(NamedTuple):
    """Reply of the function `changes`, in its order. Numbers come as text; lists alternate names and values."""

    epoch: bytes
    known: int
    version: bytes
    balance: Sequence[bytes | None]
    window_ns: bytes
    low_window: bytes
    last_commit_us: bytes
    more: int
    windows: Sequence[tuple[bytes, Sequence[bytes]]]
    totals: Sequence[bytes]
    instances: Sequence[bytes]
    born: bytes
    accepted: bytes


class AuditReply(NamedTuple):
    """Last reply of the function `audit`."""

    balance: Sequence[bytes | None]
    audited_backlog: int


def digest_of(batch: Append) -> str:
    """Return the digest that tells a repeat of a batch from another batch of the same sequence.

    It covers the payload, the run and the width of its windows: the same payload in another run is another batch.

    >>> digest_of(Append(bytes(16), 1, "run", 1_000, b"payload", 1, []))
    '2ccb2999e1ae253d.1fb2fd465f5a'
    """
    payload = hashlib.blake2b(batch.payload, digest_size=8).hexdigest()
    return f"{payload}.{_digest_of_run(batch.run, batch.window_ns)}"


@lru_cache(maxsize=256)
def _digest_of_run(run: str, window_ns: int) -> str:
    return hashlib.blake2b(f"{window_ns} {run}".encode(), digest_size=6).hexdigest()


def commit_arguments(commit: Commit) -> Iterator[object]:
    """Yield the arguments of the function `commit` after epoch, run and instance."""
    yield len(commit.entries)
    yield from (entry.entry_id for entry in commit.entries)
    yield struct.pack(f"<{len(commit.entries)}H", *(entry.events for entry in commit.entries))
    yield sum(entry.counted_bytes for entry in commit.entries)
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


def committed_of(reply: Sequence[Reply]) -> Committed:
    """Return the outcome in a reply of the function `commit`.

    Args:
        reply: {counted, version, windows}, {-1, stale id, ...} or {-2, window, name, aggregate held, ...}. A window is
            empty for the totals, an aggregate for a sum that the store does not hold.

    >>> committed_of([50, 3, 2])
    Committed(counted=50, stale=(), beyond=(), windows=2)
    >>> committed_of([-1, b"7-0"])
    Committed(counted=0, stale=('7-0',), beyond=(), windows=0)
    """
    if reply[0] == STALE:
        return Committed(0, stale=tuple(entry_id.decode() for entry_id in reply[1:]))
    if reply[0] == BEYOND_RANGE:
        sums = zip(reply[1::3], reply[2::3], reply[3::3], strict=True)
        return Committed(
            0,
            beyond=tuple(
                BeyondRange(int(window) if window else None, name, unpack(held) if held else None)
                for window, name, held in sums
            ),
        )
    return Committed(counted=reply[0], windows=reply[2])


def entry_of(entry_id: bytes, fields: Mapping[bytes, bytes], deliveries: Mapping[str, int] | None = None) -> Entry:
    """Return an entry from its fields. A foreign entry comes back without events or payload.

    Args:
        entry_id: The stream's id.
        fields: Name → value, as `functions/append.lua` wrote them.
        deliveries: Entry id → number of deliveries; None where this is the first.
    """
    name = entry_id.decode()
    return Entry(
        entry_id=name,
        run=fields.get(b"run", b"").decode("utf-8", "replace"),
        window_ns=count_of(fields.get(b"w")),
        events=count_of(fields.get(b"n"), most=MOST_EVENTS),
        appended_ns=count_of(fields.get(b"t"), most=MOST_US) * 1_000,
        payload=fields.get(b"d", b""),
        traceparent=fields.get(b"tp", b"").decode("ascii", "replace"),
        deliveries=deliveries[name] if deliveries else 1,
        counted_bytes=count_of(fields.get(b"b"), most=MOST_BYTES),
    )


def count_of(text: bytes | None, *, most: int | None = None) -> int:
    """Return a stored number; 0 where it is missing, no number or beyond *most*, since anybody may have written it.

    >>> count_of(b"50"), count_of(b"-5"), count_of(b"9" * 5_000), count_of(b"70000", most=65_535)
    (50, 0, 0, 0)
    """
    if text is None or len(text) > MOST_DIGITS or not text.isdigit():
        return 0
    count = int(text)
    return 0 if most is not None and count > most else count


def dead_letter_of(dead_id: bytes, flat: Sequence[bytes]) -> DeadLetter:
    """Return a dead letter from its alternating names and values. What a foreign letter lacks is empty.

    The names of the letter come before those of its entry, and a foreign entry may repeat them. The first counts.
    """
    fields = dict(reversed(list(pairs(flat))))
    return DeadLetter(
        dead_id=dead_id.decode(),
        run=fields.get(b"run", b"").decode("utf-8", "replace"),
        entry_id=fields.get(b"id", b"").decode("ascii", "replace"),
        index=WHOLE_BATCH if fields.get(b"i") == b"-1" else count_of(fields.get(b"i"), most=MOST_EVENTS),
        reason=fields.get(b"why", b"").decode("utf-8", "replace"),
        events=count_of(fields.get(b"n"), most=MOST_EVENTS),
        payload=fields.get(b"d", b""),
    )


def changes_of(reply: ChangesReply) -> Changes:
    """Return the changes in a reply of the function `changes`."""
    return Changes(
        epoch=reply.epoch.decode(),
        known=bool(reply.known),
        version=int(reply.version),
        balance=_balance(reply.balance),
        window_ns=int(reply.window_ns),
        low_window=int(reply.low_window) if reply.low_window else None,
        last_commit_ns=int(reply.last_commit_us) * 1_000,
        windows={int(number): _aggregates(block) for number, block in reply.windows},
        totals=_aggregates(reply.totals),
        instances={name.decode(): int(count) for name, count in pairs(reply.instances)},
        more=bool(reply.more),
        born=int(reply.born),
    )


def audit_of(reply: AuditReply) -> Audit:
    """Return the audit in the last reply of the function `audit`."""
    return Audit(_balance(reply.balance), audited_backlog=reply.audited_backlog)


def pairs(flat: Sequence[bytes]) -> Iterator[tuple[bytes, bytes]]:
    """Return the (name, value) pairs of a flat reply.

    >>> list(pairs([b"n", b"50", b"run", b"r"]))
    [(b'n', b'50'), (b'run', b'r')]
    """
    return zip(flat[::2], flat[1::2], strict=True)


def _aggregates(flat: Sequence[bytes]) -> dict[bytes, Aggregate]:
    return {name: unpack(packed) for name, packed in pairs(flat)}


def _balance(row: Sequence[bytes | None]) -> Balance:
    return Balance(*(int(value or 0) for value in row))
