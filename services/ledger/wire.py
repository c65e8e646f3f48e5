"""Arguments and replies of the store's functions (`functions.lua`), to and from records. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from services.contracts.aggregates import Aggregate, AggregateBlock, unpack
from services.ledger.records import Audit, Balance, Changes, Commit, DeadLetter, Entry


def commit_tail(commit: Commit) -> Iterator[object]:
    """Yield the arguments of `lab_commit` after the counts."""
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


def entry_of(entry_id: bytes, fields: Mapping[bytes, bytes], deliveries: Mapping[str, int] | None = None) -> Entry:
    """Return an entry from its fields. A foreign entry comes back without events or payload."""
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


def dead_letter_of(dead_id: bytes, flat: Sequence[bytes]) -> DeadLetter:
    """Return a dead letter from its alternating names and values."""
    fields = dict(pairs(flat))
    return DeadLetter(
        dead_id=dead_id.decode(),
        run=fields.get(b"run", b"").decode("utf-8", "replace"),
        entry_id=fields[b"id"].decode(),
        index=int(fields[b"i"]),
        reason=fields[b"why"].decode("utf-8", "replace"),
        events=int(fields.get(b"n", b"0")),
        payload=fields.get(b"d", b""),
    )


def changes_of(reply: Sequence[Any]) -> Changes:
    """Return the changes in a reply of `lab_changes`."""
    epoch, known, version, balance, width, low, last_us, more, windows, totals, instances = reply
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
    )


def audit_of(reply: Sequence[Any]) -> Audit:
    """Return the audit in a reply of `lab_audit`."""
    balance, backlog, dead, pending = reply
    return Audit(_balance(balance), audited_backlog=backlog, audited_dead=dead, pending_entries=pending)


def pairs(flat: Sequence[bytes]) -> Iterator[tuple[bytes, bytes]]:
    """Return the (name, value) pairs of a flat reply."""
    return zip(flat[::2], flat[1::2], strict=True)


def _aggregates(flat: Sequence[bytes]) -> dict[bytes, Aggregate]:
    return {name: unpack(packed) for name, packed in pairs(flat)}


def _balance(row: Sequence[bytes | None]) -> Balance:
    return Balance(*(int(value or 0) for value in row))
