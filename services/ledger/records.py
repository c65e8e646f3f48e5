"""Records that go into the ledger and come out of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from services.contracts.aggregates import Aggregate, Aggregation


@dataclass(frozen=True, slots=True)
class Append:
    """One batch to append.

    Attributes:
        producer: Identity of the producer, 16 bytes.
        sequence: 1 … 2^53-1, ascending per producer.
        run: The run that the events belong to.
        window_ns: Width of the run's windows.
        payload: The bytes of the batch. The digest covers these alone.
        events: Number of events in the payload.
        names: Aggregate names of the batch's (source, kind) pairs.
        traceparent: W3C trace context of a sampled batch, else empty.
    """

    producer: bytes
    sequence: int
    run: str
    window_ns: int
    payload: bytes
    events: int
    names: Sequence[bytes]
    traceparent: str = ""


class Appended(NamedTuple):
    """The batch is in the store: added now, or before (`duplicate`). `accepted` counts events of all runs."""

    duplicate: bool
    entry_id: str
    accepted: int


@dataclass(frozen=True, slots=True)
class Entry:
    """One batch as read from the stream.

    Attributes:
        entry_id: The stream's id.
        run: The run that the events belong to.
        window_ns: Width of the run's windows.
        events: Number of events.
        appended_ns: The store's clock at the append, in nanoseconds since the epoch.
        payload: The bytes of the batch.
        traceparent: W3C trace context, or empty.
        deliveries: Number of deliveries, this one included. Delivery is at least once.
        counted_bytes: Bytes that the entry takes in the account of the backlog; 0 for an entry of an earlier version,
            which kept no such account.
    """

    entry_id: str
    run: str
    window_ns: int
    events: int
    appended_ns: int
    payload: bytes
    traceparent: str = ""
    deliveries: int = 1
    counted_bytes: int = 0


@dataclass(frozen=True, slots=True)
class BadEvent:
    """One event of an entry that becomes a dead letter, with a payload of its own."""

    entry_id: str
    index: int
    reason: str
    payload: bytes


@dataclass(frozen=True, slots=True)
class Commit:
    """Entries of one run to commit in one step, their aggregates, and their bad events.

    The events of `entries` less `bad` equal the counts of `aggregation`, over its totals and over its windows alike.
    """

    run: str
    entries: Sequence[Entry]
    aggregation: Aggregation | None
    bad: Sequence[BadEvent] = ()


class BeyondRange(NamedTuple):
    """A sum that a commit would take out of the range that stays exact.

    Attributes:
        window: Number of the window; None for the total of the run.
        name: Name of the aggregate.
        held: The aggregate that the store holds; None where it holds none.
    """

    window: int | None
    name: bytes
    held: Aggregate | None


class Committed(NamedTuple):
    """Outcome of a commit: counted, or refused as a whole without any effect.

    Attributes:
        counted: Events counted.
        stale: Entries that another worker had committed, which is why the commit was refused.
        beyond: Sums that would leave the exact range, which is why the commit was refused.
        windows: Windows that the run has now, which retention limits.
    """

    counted: int
    stale: tuple[str, ...] = ()
    beyond: tuple[BeyondRange, ...] = ()
    windows: int = 0


class Pending(NamedTuple):
    """An entry that was delivered and not committed."""

    entry_id: str
    consumer: str
    deliveries: int


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """An event that killed its workers, or a whole batch that could not be decoded (`index` -1)."""

    dead_id: str
    run: str
    entry_id: str
    index: int
    reason: str
    events: int
    payload: bytes


@dataclass(frozen=True, slots=True)
class Balance:
    """The account of a run or of the whole store, in events. accepted = counted + dead + backlog, always."""

    accepted: int = 0
    counted: int = 0
    dead: int = 0
    backlog: int = 0
    duplicates: int = 0

    @property
    def residual(self) -> int:
        """The difference accepted - counted - dead - backlog. Every value but 0 is a fault."""
        return self.accepted - self.counted - self.dead - self.backlog


@dataclass(frozen=True, slots=True)
class Audit:
    """The account that is kept, and its backlog recomputed from the stream.

    Attributes:
        balance: The account that is kept.
        audited_backlog: Backlog recomputed from every entry's own count.
    """

    balance: Balance
    audited_backlog: int


@dataclass(frozen=True, slots=True)
class Changes:
    """Changes of a run since a version.

    Attributes:
        epoch: Identity of the store.
        known: Whether the run exists.
        version: Version that these changes lead to.
        balance: The run's account; the store's account when no run was named.
        window_ns: Width of the run's windows; 0 when unknown.
        low_window: Windows below this number have been removed; None when none were.
        last_commit_ns: The store's clock at the run's last commit; 0 before the first.
        windows: Window number → name → aggregate, changed windows only.
        totals: Name → aggregate; empty when nothing changed.
        instances: Worker instance → events it has counted.
        more: Whether another call is needed to reach the present.
        born: Differs between a run and an earlier run of the same name, which the store has forgotten.
    """

    epoch: str
    known: bool
    version: int
    balance: Balance
    window_ns: int = 0
    low_window: int | None = None
    last_commit_ns: int = 0
    windows: Mapping[int, Mapping[bytes, Aggregate]] = field(default_factory=dict)
    totals: Mapping[bytes, Aggregate] = field(default_factory=dict)
    instances: Mapping[str, int] = field(default_factory=dict)
    more: bool = False
    born: int = 0


class Usage(NamedTuple):
    """How much of the store is in use, of all runs together.

    Attributes:
        backlog_events: Events that are accepted and not counted, dead letters included.
        backlog_bytes: Bytes that these events take.
        runs: Runs that the store knows.
        memory_bytes: Memory of the store.
        memory_limit_bytes: Its `maxmemory`; 0 where there is none.
    """

    backlog_events: int
    backlog_bytes: int
    runs: int
    memory_bytes: int
    memory_limit_bytes: int


class StoreFacts(NamedTuple):
    """Identity of the store, and the durability class that it had at bootstrap (`ARCHITECTURE.md`, *Durability*)."""

    epoch: str
    durability: str
