"""What a ledger can do: append, read, commit, bury, requeue, reclaim, audit, tell changes."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

from services.contracts.aggregates import Aggregate, Aggregation


@dataclass(frozen=True, slots=True)
class Append:
    """One batch to be appended.

    Attributes:
        producer: 16 bytes, the producer's identity.
        sequence: 1 … 2^53-1, ascending per producer.
        run: The run it is accounted to.
        window_ns: Width of the run's windows.
        payload: The bytes of the batch; the digest is over these alone.
        events: How many it holds.
        names: Cell names of its (source, kind) pairs.
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
    """A batch is in the store: now, or already before (`duplicate`). `accepted` counts events of all runs."""

    duplicate: bool
    entry_id: str
    accepted: int


@dataclass(frozen=True, slots=True)
class Entry:
    """One batch as read from the stream.

    Attributes:
        entry_id: The stream's id.
        run: Run it belongs to.
        window_ns: Window width of that run.
        events: Events it holds.
        appended_ns: The store's clock at append, in nanoseconds since the epoch.
        payload: The bytes of the batch.
        traceparent: Trace context, or empty.
        deliveries: How often it has been handed out, this time included.
    """

    entry_id: str
    run: str
    window_ns: int
    events: int
    appended_ns: int
    payload: bytes
    traceparent: str = ""
    deliveries: int = 1


@dataclass(frozen=True, slots=True)
class BadEvent:
    """One event to be set aside, with a payload of its own."""

    entry_id: str
    index: int
    reason: str
    payload: bytes


@dataclass(frozen=True, slots=True)
class Commit:
    """A round to be settled in one step: entries of one run, what they add, which of their events are bad.

    The events of `entries` less `bad` equal the counts of `aggregation`, over its totals and over its windows alike.
    """

    run: str
    entries: Sequence[Entry]
    aggregation: Aggregation | None
    bad: Sequence[BadEvent] = ()


class Committed(NamedTuple):
    """Outcome of a commit: settled, or refused whole because `stale` entries were settled by somebody else.

    `windows` is how many windows the run has now, the figure retention is judged by.
    """

    counted: int
    stale: tuple[str, ...] = ()
    windows: int = 0


class Pending(NamedTuple):
    """An entry handed out and not settled."""

    entry_id: str
    consumer: str
    deliveries: int


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """An event set aside, or a whole batch that could not be decoded (`index` -1)."""

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
        """What the account leaves open, accepted - counted - dead - backlog: anything but 0 is a fault."""
        return self.accepted - self.counted - self.dead - self.backlog


@dataclass(frozen=True, slots=True)
class Audit:
    """The account, and what the stream itself says about it.

    Attributes:
        epoch: Identity of the store.
        balance: The account that is kept.
        audited_backlog: Backlog recomputed from every entry's own count.
        audited_dead: Dead events recomputed from every dead letter.
        pending_entries: Entries handed out and not settled.
        anomalies: Counters that should be zero or explainable: ghost, stale, refused.
    """

    epoch: str
    balance: Balance
    audited_backlog: int
    audited_dead: int
    pending_entries: int
    anomalies: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Changes:
    """What changed in a run since a version.

    Attributes:
        epoch: Identity of the store.
        known: Whether the run exists.
        version: Version these changes lead to.
        balance: The run's account (the store's, when no run was named).
        window_ns: Width of its windows; 0 when unknown.
        low_window: Windows below this number have been removed.
        last_commit_ns: The store's clock at the run's last commit; 0 before.
        windows: Window number → name → cell, only what changed.
        totals: Name → cell, empty when nothing changed.
        instances: Worker instance → events it has counted.
        more: Whether a further call is needed to reach the present.
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


@dataclass(frozen=True, slots=True)
class StoreFacts:
    """What the deployer found out about the store.

    Attributes:
        kind: `valkey` or `redis`.
        version: Its version.
        durability: `durable`, `window`, `volatile` or `unknown` (`ARCHITECTURE.md`, *Durability*).
        epoch: Identity of the store.
    """

    kind: str
    version: str
    durability: str
    epoch: str


class Ledger(Protocol):
    """Every method is one atomic step; all raise the errors of `services.ledger.errors`."""

    def append(self, batch: Append) -> Appended:
        """Add a batch once; BacklogFull, DeadLetterFull, StoreFull, SequenceConflict, SequenceTooOld, TooManyKeys."""

    def read(self, *, count: int, block_ms: int) -> list[Entry]:
        """Up to *count* entries nobody has had; waits up to *block_ms* for the first."""

    def own_pending(self) -> list[Entry]:
        """Entries handed to this consumer and not settled; what to look at after a lost connection."""

    def commit(self, commit: Commit) -> Committed:
        """Settle entries and add what they hold; where any is stale nothing happens and the stale ones are named."""

    def dead_letter(self, entry_id: str, reason: str) -> int:
        """Set a whole entry aside, for one that cannot be decoded; the events moved, 0 when it was settled already."""

    def requeue(self, dead_id: str) -> int:
        """Put a dead letter back into the stream; the events moved, 0 when it is gone."""

    def pending(self) -> list[Pending]:
        """Up to 256 entries handed out and not settled, oldest first."""

    def claim(self, held: Sequence[Pending]) -> list[Entry]:
        """Take over entries of a dead consumer; those settled meanwhile are left out."""

    def heartbeat(self) -> None:
        """Move this consumer's heartbeat."""

    def heartbeats(self) -> Mapping[str, int]:
        """Consumer → heartbeat."""

    def reap(self, consumer: str) -> bool:
        """Forget a dead consumer; False where it still holds entries."""

    def isolation_note(self, entry_id: str) -> str:
        """The note left on a suspect entry, or empty."""

    def keep_isolation_note(self, entry_id: str, note: str) -> None:
        """Leave a note on a suspect entry; its commit or burial removes it."""

    def prune(self, run: str, *, keep_windows: int) -> int:
        """Remove a run's oldest windows beyond *keep_windows*; how many went. The totals stay."""

    def changes(self, run: str, *, since: int) -> Changes:
        """What changed in a run after version *since*; an empty *run* gives the store's account alone."""

    def dead_letters(self, *, after: str = "", count: int = 100) -> list[DeadLetter]:
        """Dead letters in order of burial, after the id *after*."""

    def audit(self) -> Audit:
        """The account recomputed from the stream."""

    def facts(self) -> StoreFacts:
        """What bootstrap wrote about the store."""

    def ping(self) -> None:
        """Return when the store answers."""


def all_changes(ledger: Ledger, run: str, *, since: int) -> Iterator[Changes]:
    """Pages of changes up to the present."""
    while True:
        page = ledger.changes(run, since=since)
        yield page
        if not page.more:
            return
        since = page.version
