"""Turns records into arguments of the store's functions (`functions/`), and replies into records. Pure."""

import hashlib
import struct
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any, Final, TypeAlias

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
        window_ns=_count(fields, b"w"),
        events=_count(fields, b"n"),
        appended_ns=_count(fields, b"t") * 1_000,
        payload=fields.get(b"d", b""),
        traceparent=fields.get(b"tp", b"").decode("ascii", "replace"),
        deliveries=deliveries[name] if deliveries else 1,
        counted_bytes=_count(fields, b"b"),
    )


def _count(fields: Mapping[bytes, bytes], name: bytes) -> int:
    """Return a field as a number; 0 where it is missing or not a number, since anybody may have written the entry."""
    text = fields.get(name, b"")
    return int(text) if text.isdigit() else 0


def dead_letter_of(dead_id: bytes, flat: Sequence[bytes]) -> DeadLetter:
    """Return a dead letter from its alternating names and values."""
    fields = dict(pairs(flat))
    return DeadLetter(
        dead_id=dead_id.decode(),
        run=fields.get(b"run", b"").decode("utf-8", "replace"),
        entry_id=fields[b"id"].decode(),
        index=int(fields[b"i"]),
        reason=fields[b"why"].decode("utf-8", "replace"),
        events=_count(fields, b"n"),
        payload=fields.get(b"d", b""),
    )


def changes_of(reply: Sequence[Reply]) -> Changes:
    """Return the changes in a reply of the function `changes`."""
    epoch, known, version, balance, width, low, last_us, more, windows, totals, instances, born, _ = reply
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
        instances={name.decode(): int(count) for name, count in pairs(instances)},
        more=bool(more),
        born=int(born),
    )


def audit_of(reply: Sequence[Reply]) -> Audit:
    """Return the audit in the last reply of the function `audit`."""
    balance, backlog = reply
    return Audit(_balance(balance), audited_backlog=backlog)


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
