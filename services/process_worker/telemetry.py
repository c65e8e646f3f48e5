"""Records the worker's telemetry: counters, durations, spans of sampled entries."""

import time
from collections.abc import Sequence
from typing import Final

from services.contracts import signals
from services.contracts.store_keys import GROUP
from services.ledger.records import Commit, Committed, Entry
from services.telemetry.instruments import Instruments
from services.telemetry.propagation import is_sampled
from services.telemetry.tracing import Attribute, Kind, Tracing

COMMIT_LABELS: Final = {signals.MESSAGING_OPERATION: "fcall lab_commit"}
STREAM: Final = {signals.MESSAGING_SYSTEM: "redis", signals.MESSAGING_DESTINATION: signals.DESTINATION}
PROCESS: Final = {**STREAM, signals.MESSAGING_OPERATION: "process", signals.MESSAGING_OPERATION_TYPE: "process"}
COMMIT: Final = {
    **STREAM,
    signals.MESSAGING_OPERATION: "fcall lab_commit",
    signals.MESSAGING_OPERATION_TYPE: "settle",
}
"""`settle` is the semantic conventions' name for the type of operation."""


class WorkerTelemetry:
    """Is told about entries and commits, and records them.

    Attributes:
        commits: Commits so far.
    """

    def __init__(self, instruments: Instruments, tracing: Tracing, consumer: str) -> None:
        self._instruments, self._tracing, self._consumer = instruments, tracing, consumer
        self._round_started_ns = time.time_ns()
        self.commits = 0

    def received(self, entries: Sequence[Entry]) -> None:
        """Record that a round of entries was delivered."""
        self._round_started_ns = time.time_ns()
        if entries:
            self._instruments.add(signals.MESSAGES_CONSUMED, len(entries))

    def committed(self, commit: Commit, outcome: Committed, *, took_s: float) -> None:
        """Record a commit; the call of the store took *took_s* seconds."""
        now_ns = time.time_ns()
        self.commits += 1
        self.dead_lettered(len(commit.bad))
        self._instruments.add(signals.WORKER_EVENTS_PROCESSED, outcome.counted)
        self._instruments.record(signals.MESSAGING_OPERATION_DURATION, took_s, COMMIT_LABELS)
        self._instruments.record(signals.PROCESS_DURATION, (now_ns - self._round_started_ns) / 1e9)
        for entry in commit.entries:
            self._instruments.record(signals.END_TO_END_DURATION, max(0, now_ns - entry.appended_ns) / 1e9)
        sampled = [entry for entry in commit.entries if is_sampled(entry.traceparent)]
        if sampled:
            self._trace(sampled, commit, commit_started_ns=now_ns - int(took_s * 1e9))

    def stale(self, entries: int) -> None:
        """Record entries that another worker had committed."""
        self._instruments.add(signals.WORKER_ENTRIES_STALE, entries)

    def dead_lettered(self, events: int) -> None:
        """Record events that became dead letters."""
        if events:
            self._instruments.add(signals.WORKER_EVENTS_DEAD, events)

    def _trace(self, sampled: Sequence[Entry], commit: Commit, *, commit_started_ns: int) -> None:
        """Record a span per sampled entry, from its read to now. The commit is a child of the first, linked to all."""
        of_commit: dict[str, Attribute] = {**COMMIT, signals.MESSAGING_BATCH: len(commit.entries)}
        links = [entry.traceparent for entry in sampled]
        for i, entry in enumerate(sampled):
            attributes: dict[str, Attribute] = {
                **PROCESS,
                signals.MESSAGING_GROUP: GROUP,
                signals.MESSAGING_CLIENT: self._consumer,
                signals.MESSAGING_MESSAGE: entry.entry_id,
                signals.DELIVERY_COUNT: entry.deliveries,
            }
            with self._tracing.child(
                signals.PROCESS_ENTRY,
                entry.traceparent,
                attributes,
                kind=Kind.CONSUMER,
                links=[entry.traceparent],
                start_ns=self._round_started_ns,
            ) as span:
                if i == 0:
                    with self._tracing.child(
                        signals.COMMIT_ENTRIES,
                        span.traceparent,
                        of_commit,
                        kind=Kind.CLIENT,
                        links=links,
                        start_ns=commit_started_ns,
                    ):
                        pass
