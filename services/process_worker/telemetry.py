"""What the worker tells of itself: counters, durations, spans of sampled entries."""

import time
from collections.abc import Sequence
from typing import Final

from services.contracts import signals
from services.ledger.keys import GROUP
from services.ledger.port import Commit, Committed, Entry
from services.telemetry.instruments import Instruments
from services.telemetry.tracing import Attribute, Kind, Tracing

COMMIT_LABELS: Final = {signals.MESSAGING_OPERATION: "fcall lab_commit"}
STREAM: Final = {signals.MESSAGING_SYSTEM: "redis", signals.MESSAGING_DESTINATION: signals.DESTINATION}
PROCESS: Final = {**STREAM, signals.MESSAGING_OPERATION: "process", signals.MESSAGING_OPERATION_TYPE: "process"}
COMMIT: Final = {
    **STREAM,
    signals.MESSAGING_OPERATION: "fcall lab_commit",
    signals.MESSAGING_OPERATION_TYPE: "settle",
}


class WorkerTelemetry:
    """Counts what was settled; keeps the figures that `GetProgress` answers."""

    def __init__(self, instruments: Instruments, tracing: Tracing, consumer: str) -> None:
        self._instruments, self._tracing, self.consumer = instruments, tracing, consumer
        self._round_started_ns = time.time_ns()
        self.counted = self.dead = self.commits = self.stale_entries = 0
        self.last_commit_s: float | None = None

    def received(self, entries: Sequence[Entry]) -> None:
        """Entries were read."""
        self._round_started_ns = time.time_ns()
        if entries:
            self._instruments.add(signals.MESSAGES_CONSUMED, len(entries))

    def committed(self, commit: Commit, outcome: Committed, *, took_s: float) -> None:
        """A commit was settled; the call took so long."""
        now_ns = time.time_ns()
        self.counted += outcome.counted
        self.commits += 1
        self._noted(len(commit.bad))
        self._instruments.add(signals.WORKER_EVENTS_PROCESSED, outcome.counted)
        self._instruments.record(signals.MESSAGING_OPERATION_DURATION, took_s, COMMIT_LABELS)
        self._instruments.record(signals.PROCESS_DURATION, (now_ns - self._round_started_ns) / 1e9)
        for entry in commit.entries:
            self._instruments.record(signals.END_TO_END_DURATION, max(0, now_ns - entry.appended_ns) / 1e9)
        sampled = [entry for entry in commit.entries if self._tracing.is_sampled(entry.traceparent)]
        if sampled:
            self._trace(sampled, commit, commit_started_ns=now_ns - int(took_s * 1e9))

    def stale(self, entries: int) -> None:
        """Entries turned out to be settled by another worker."""
        self.stale_entries += entries
        self._instruments.add(signals.WORKER_ENTRIES_STALE, entries)

    def dead_lettered(self, events: int) -> None:
        """An entry that cannot be decoded was set aside."""
        self._noted(events)

    def _noted(self, dead: int) -> None:
        self.last_commit_s = time.monotonic()
        if dead:
            self.dead += dead
            self._instruments.add(signals.WORKER_EVENTS_DEAD, dead)

    def _trace(self, sampled: Sequence[Entry], commit: Commit, *, commit_started_ns: int) -> None:
        """A span per sampled entry, from its read to here; the commit hangs below the first, linked to all."""
        of_commit: dict[str, Attribute] = {**COMMIT, signals.MESSAGING_BATCH: len(commit.entries)}
        links = [entry.traceparent for entry in sampled]
        for i, entry in enumerate(sampled):
            attributes: dict[str, Attribute] = {
                **PROCESS,
                signals.MESSAGING_GROUP: GROUP,
                signals.MESSAGING_CLIENT: self.consumer,
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
