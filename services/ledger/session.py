"""Calls the functions of a store; `connect` first reads which store it is."""

from services.contracts.store_keys import EPOCH, LEDGER, RUNS, prefix_of
from services.ledger.client_errors import our_errors
from services.ledger.connection import StoreSettings, open_client
from services.ledger.durability import FRESH_S, PATIENCE_S, DurabilityWatch, read_durability
from services.ledger.errors import StoreEmpty
from services.ledger.fresh import FreshReading
from services.ledger.library import function
from services.ledger.lines import Lines
from services.ledger.records import StoreFacts, Usage
from services.ledger.wire import Reply, pairs


class StoreSession:
    """A process's session with its store. Every method raises the errors of `services.ledger.errors`.

    Args:
        settings: Where the store is.
    """

    def __init__(self, settings: StoreSettings) -> None:
        self._redis = open_client(settings)
        self._lines = Lines(self._redis)
        self._where = settings.where
        self._prefix = prefix_of(settings.store_namespace)
        self._epoch = b""

    def connect(self) -> None:
        """Read the identity of the store. Raises StoreEmpty where bootstrap never ran."""
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

    def usage(self) -> Usage:
        """Return how much of the store is in use."""
        with our_errors(self._where):
            account = self._redis.hmget(self._prefix + LEDGER, "backlog", "dead", "bytes", "dead_bytes")
            runs, memory = self._redis.zcard(self._prefix + RUNS), self._redis.info("memory")
        backlog, dead, stored, dead_stored = (int(field or 0) for field in account)
        return Usage(
            backlog_events=backlog + dead,
            backlog_bytes=(stored if backlog else 0) + (dead_stored if dead else 0),
            runs=int(runs),
            memory_bytes=int(memory.get("used_memory", 0)),
            memory_limit_bytes=int(memory.get("maxmemory", 0)),
        )

    def watched_usage(self) -> FreshReading[Usage]:
        """Return a reading of how much of the store is in use, for callers that must not wait for the store."""
        return FreshReading(self.usage, fresh_s=FRESH_S, patience_s=PATIENCE_S)

    def watched_durability(self, *, every_s: float) -> DurabilityWatch:
        """Return a watch on the store's durability class, which reads the class at most every *every_s* seconds."""
        return DurabilityWatch(self._durability_now, self.facts().durability, every_s=every_s)

    def _durability_now(self) -> str:
        with our_errors(self._where):
            classified, _ = read_durability(self._redis)
        return classified.durability

    def _call(self, name: str, *arguments: object, read_only: bool = False) -> Reply:
        """Call a function of the store, in one atomic step. Return its reply as the store sent it."""
        with our_errors(self._where):
            command = "FCALL_RO" if read_only else "FCALL"
            return self._lines.call(command, function(name), 1, self._prefix, *arguments)
