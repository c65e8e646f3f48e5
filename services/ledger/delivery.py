"""Delivers each entry of the stream, at least once, to a consumer that is alive."""

from collections.abc import Mapping, Sequence
from typing import Final

from services.contracts.store_keys import GROUP, HEARTBEATS, STREAM, SUSPECTS
from services.ledger.client_errors import our_errors
from services.ledger.connection import StoreSettings
from services.ledger.records import Entry, Pending
from services.ledger.session import StoreSession
from services.ledger.wire import count_of, entry_of

PENDING_LIMIT: Final = 256


class Delivery(StoreSession):
    """A session of one consumer of the workers' group. Every method is one atomic step of the store.

    Args:
        settings: Where the store is.
        consumer: Name of this process in the consumer group. No two processes have it at a time.
    """

    def __init__(self, settings: StoreSettings, consumer: str) -> None:
        super().__init__(settings)
        self._consumer = consumer
        self._stream = self._prefix + STREAM

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
        return [Pending(row["message_id"].decode(), _name(row["consumer"]), row["times_delivered"]) for row in rows]

    def claim(self, held: Sequence[Pending]) -> list[Entry]:
        """Take over entries, of a dead consumer or of this one. Entries that were committed meanwhile are left out."""
        deliveries = {entry.entry_id: entry.deliveries + 1 for entry in held}
        if not deliveries:
            return []
        with our_errors(self._where):
            rows = self._redis.xclaim(self._stream, GROUP, self._consumer, 0, list(deliveries))
        return [entry_of(entry_id, fields, deliveries) for entry_id, fields in rows if fields]

    def heartbeat(self) -> None:
        """Advance this consumer's heartbeat."""
        self._call("beat", self._epoch, self._consumer)

    def heartbeats(self) -> Mapping[str, int]:
        """Return the heartbeat of each consumer."""
        with our_errors(self._where):
            heartbeats = self._redis.hgetall(self._prefix + HEARTBEATS)
        return {_name(consumer): count_of(heartbeat) for consumer, heartbeat in heartbeats.items()}

    def reap(self, consumer: str) -> bool:
        """Forget a dead consumer. Return False where it still holds entries."""
        return bool(self._call("reap", self._epoch, consumer))

    def isolation_note(self, entry_id: str) -> str:
        """Return the note on a suspect entry, or an empty text."""
        with our_errors(self._where):
            note = self._redis.hget(self._prefix + SUSPECTS, entry_id)
        return note.decode("utf-8", "replace") if note else ""

    def keep_isolation_note(self, entry_id: str, note: str) -> None:
        """Keep a note on a suspect entry, until the entry is committed or becomes a dead letter."""
        self._call("note", self._epoch, entry_id, note)


def _name(consumer: bytes) -> str:
    """Return the name of a consumer. Anybody may have joined the group under any bytes."""
    return consumer.decode("utf-8", "backslashreplace")
