"""Every metric, span and attribute that the services may emit: name, unit, meaning, allowed labels."""

from dataclasses import dataclass
from typing import Literal

# Renamed to `rpc.status_code` on the conventions' main branch in August 2026, not released yet.
RPC_STATUS = "rpc.response.status_code"
RPC_METHOD = "rpc.method"
RPC_SYSTEM = "rpc.system.name"
ERROR_TYPE = "error.type"
REASON = "lab.reason"
RUN = "lab.run"
BATCH_SEQUENCE = "lab.batch.sequence"
BATCH_EVENTS = "lab.batch.events"
DELIVERY_COUNT = "lab.messaging.redis.delivery_count"
MESSAGING_SYSTEM = "messaging.system"
MESSAGING_DESTINATION = "messaging.destination.name"
MESSAGING_GROUP = "messaging.consumer.group.name"
MESSAGING_CLIENT = "messaging.client.id"
MESSAGING_MESSAGE = "messaging.message.id"
MESSAGING_BATCH = "messaging.batch.message_count"
MESSAGING_OPERATION = "messaging.operation.name"
MESSAGING_OPERATION_TYPE = "messaging.operation.type"

DESTINATION = "lab.events"
"""Name of the stream in spans. The key in the store holds the namespace, too."""

TRACEPARENT = "traceparent"
"""The header of W3C trace context, sent in call metadata and kept in a field of the stream entry."""

# 0.1 ms to 10 s, eight per decade, so that a p99 of 3 ms and a p99 of 3 s are both visible.
LATENCY_BOUNDARIES = (
    0.0001, 0.00013, 0.00018, 0.00024, 0.00032, 0.00042, 0.00056, 0.00075,
    0.001, 0.0013, 0.0018, 0.0024, 0.0032, 0.0042, 0.0056, 0.0075,
    0.01, 0.013, 0.018, 0.024, 0.032, 0.042, 0.056, 0.075,
    0.1, 0.13, 0.18, 0.24, 0.32, 0.42, 0.56, 0.75,
    1.0, 1.3, 1.8, 2.4, 3.2, 4.2, 5.6, 7.5, 10.0,
)  # fmt: skip

Instrument = Literal["counter", "gauge", "histogram"]
Unit = Literal["{event}", "{entry}", "{message}", "{request}", "{call}", "s", "By"]

SUFFIXES: dict[Unit, str] = {"s": "_seconds", "By": "_bytes"}
"""Unit → suffix that Prometheus appends. Units in braces have none."""


@dataclass(frozen=True, slots=True)
class Signal:
    """One declared metric."""

    name: str
    instrument: Instrument
    unit: Unit
    meaning: str
    labels: tuple[str, ...] = ()

    @property
    def prometheus_name(self) -> str:
        """Name in Prometheus, by the default translation strategy (`UnderscoreEscapingWithSuffixes`).

        >>> WORKER_EVENTS_PROCESSED.prometheus_name
        'worker_events_processed_total'
        >>> RPC_SERVER_DURATION.prometheus_name
        'rpc_server_call_duration_seconds'
        """
        total = "_total" if self.instrument == "counter" else ""
        return self.name.replace(".", "_") + SUFFIXES.get(self.unit, "") + total


@dataclass(frozen=True, slots=True)
class SpanSignal:
    """One declared span: its name, what it measures, and its allowed attributes."""

    name: str
    meaning: str
    attributes: tuple[str, ...]


INGEST_EVENTS_ACCEPTED = Signal(
    "ingest.events.accepted", "counter", "{event}", "Events this process appended to the stream, duplicates left out"
)
INGEST_EVENTS_DUPLICATE = Signal(
    "ingest.events.duplicate", "counter", "{event}", "Events of batches that had been accepted before"
)
INGEST_EVENTS_REFUSED = Signal(
    "ingest.events.refused",
    "counter",
    "{event}",
    "Events refused, once per attempt; a request whose events cannot be told counts as one",
    (REASON,),
)
WORKER_EVENTS_PROCESSED = Signal(
    "worker.events.processed",
    "counter",
    "{event}",
    "Events counted in a commit, exactly-once effect; dead letters have their own signal",
)
WORKER_EVENTS_DEAD = Signal("worker.events.dead", "counter", "{event}", "Events moved to the dead-letter stream")
WORKER_ENTRIES_STALE = Signal(
    "worker.entries.stale", "counter", "{entry}", "Entries that another worker had committed before this one"
)
QUERY_REQUESTS = Signal("query.requests", "counter", "{request}", "Queries answered", (RPC_METHOD,))
SIMULATOR_EVENTS_SENT = Signal(
    "simulator.events.sent", "counter", "{event}", "Events sent, each once however often it was retried"
)
SIMULATOR_EVENTS_ACKNOWLEDGED = Signal(
    "simulator.events.acknowledged", "counter", "{event}", "Events whose acceptance was acknowledged"
)
SIMULATOR_ACKNOWLEDGEMENT = Signal(
    "simulator.acknowledgement.duration",
    "histogram",
    "s",
    "From the intended send time of a batch to its answer, so without coordinated omission",
)
SIMULATOR_SCHEDULE_DELAY = Signal(
    "simulator.schedule.delay", "histogram", "s", "From the intended send time of a batch to its first send"
)
RPC_SERVER_DURATION = Signal(
    "rpc.server.call.duration", "histogram", "s", "Duration of a call, measured by the server", (RPC_METHOD, RPC_STATUS)
)
MESSAGES_SENT = Signal("messaging.client.sent.messages", "counter", "{message}", "Entries appended to the stream")
MESSAGES_CONSUMED = Signal(
    "messaging.client.consumed.messages", "counter", "{message}", "Entries received, once per delivery (at-least-once)"
)
MESSAGING_OPERATION_DURATION = Signal(
    "messaging.client.operation.duration", "histogram", "s", "One call to the store", (MESSAGING_OPERATION,)
)
PROCESS_DURATION = Signal(
    "messaging.process.duration", "histogram", "s", "From reading a round of entries to its commit"
)
END_TO_END_DURATION = Signal(
    "lab.message.end_to_end.duration", "histogram", "s", "From the append of an entry to its commit"
)
STREAM_BACKLOG = Signal(
    "lab.stream.backlog", "gauge", "{event}", "Consumer lag: events accepted and neither counted nor dead"
)
STREAM_DEAD = Signal("lab.stream.dead", "gauge", "{event}", "Events in the dead-letter stream")
CONSERVATION_RESIDUAL = Signal(
    "lab.conservation.residual", "gauge", "{event}", "accepted - counted - dead - backlog; every value but 0 is a fault"
)
PROCESS_CPU_TIME = Signal("process.cpu.time", "counter", "s", "CPU time of the process, all threads")
PROCESS_MEMORY_USAGE = Signal("process.memory.usage", "gauge", "By", "Resident memory of the process")

EVERYWHERE = (RPC_SERVER_DURATION, PROCESS_CPU_TIME, PROCESS_MEMORY_USAGE)

SIGNALS: dict[str, tuple[Signal, ...]] = {
    "ingest-api": (
        INGEST_EVENTS_ACCEPTED,
        INGEST_EVENTS_DUPLICATE,
        INGEST_EVENTS_REFUSED,
        MESSAGES_SENT,
        MESSAGING_OPERATION_DURATION,
        *EVERYWHERE,
    ),
    "process-worker": (
        WORKER_EVENTS_PROCESSED,
        WORKER_EVENTS_DEAD,
        WORKER_ENTRIES_STALE,
        MESSAGES_CONSUMED,
        MESSAGING_OPERATION_DURATION,
        PROCESS_DURATION,
        END_TO_END_DURATION,
        *EVERYWHERE,
    ),
    "query-api": (QUERY_REQUESTS, STREAM_BACKLOG, STREAM_DEAD, CONSERVATION_RESIDUAL, *EVERYWHERE),
    "simulator": (
        SIMULATOR_EVENTS_SENT,
        SIMULATOR_EVENTS_ACKNOWLEDGED,
        SIMULATOR_ACKNOWLEDGEMENT,
        SIMULATOR_SCHEDULE_DELAY,
        *EVERYWHERE,
    ),
}
"""Service → signals it emits. A signal that is not listed here must not be recorded."""

PROMISED: dict[str, Signal] = {
    "ingest-api": INGEST_EVENTS_ACCEPTED,
    "process-worker": WORKER_EVENTS_PROCESSED,
    "query-api": QUERY_REQUESTS,
    "simulator": SIMULATOR_EVENTS_SENT,
}
"""Counters that exist from second 0 (`ARCHITECTURE.md` D18), since users build dashboards on them."""

SEND_BATCH = SpanSignal(
    "lab.ingest.v1.IngestService/Append",
    "The simulator sends one batch",
    (RPC_SYSTEM, RPC_METHOD, RPC_STATUS, ERROR_TYPE, RUN, BATCH_SEQUENCE, BATCH_EVENTS),
)
SERVE_CALL = SpanSignal("{rpc.method}", "A server answers one call", (RPC_SYSTEM, RPC_METHOD, RPC_STATUS, ERROR_TYPE))
APPEND_ENTRY = SpanSignal(
    "fcall lab_append lab.events",
    "ingest-api appends one entry",
    (MESSAGING_SYSTEM, MESSAGING_DESTINATION, MESSAGING_OPERATION, MESSAGING_OPERATION_TYPE, MESSAGING_MESSAGE),
)
PROCESS_ENTRY = SpanSignal(
    "process lab.events",
    "process-worker handles one entry, from read to commit",
    (
        MESSAGING_SYSTEM,
        MESSAGING_DESTINATION,
        MESSAGING_GROUP,
        MESSAGING_CLIENT,
        MESSAGING_MESSAGE,
        MESSAGING_OPERATION,
        MESSAGING_OPERATION_TYPE,
        DELIVERY_COUNT,
    ),
)
COMMIT_ENTRIES = SpanSignal(
    "fcall lab_commit lab.events",
    "process-worker commits a round; linked to its entries",
    (MESSAGING_SYSTEM, MESSAGING_DESTINATION, MESSAGING_OPERATION, MESSAGING_OPERATION_TYPE, MESSAGING_BATCH),
)

SPANS = (SEND_BATCH, SERVE_CALL, APPEND_ENTRY, PROCESS_ENTRY, COMMIT_ENTRIES)
