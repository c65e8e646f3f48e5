"""Serves appends: admits batches, appends them to the ledger, answers."""

import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Any, Final

import grpc
from google.protobuf.message import DecodeError

from services.contracts import signals
from services.contracts.generated.lab.ingest.v1.fast_reader_pb2 import AppendStreamRequestReader
from services.contracts.generated.lab.ingest.v1.ingest_pb2 import AppendResponse, AppendStreamResponse, Refusal
from services.ingest_api.admission import Admission, NotAdmitted, events_in, open_envelope
from services.ledger.errors import LedgerError
from services.ledger.records import Append, Appended
from services.ledger.redis_ledger import RedisLedger
from services.serving.measuring import current_traceparent
from services.serving.status import Refused, refusal_of
from services.telemetry.instruments import Instruments
from services.telemetry.tracing import Kind, Tracing

SERVICE: Final = "lab.ingest.v1.IngestService"
UNREADABLE_EVENTS: Final = 1
"""Events that a refused request counts as where its events cannot be told."""
APPEND_LABELS: Final = {signals.MESSAGING_OPERATION: "fcall lab_append"}
SPAN_ATTRIBUTES: Final = {
    signals.MESSAGING_SYSTEM: "redis",
    signals.MESSAGING_DESTINATION: signals.DESTINATION,
    signals.MESSAGING_OPERATION: "fcall lab_append",
    signals.MESSAGING_OPERATION_TYPE: "send",
}


class IngestServicer:
    """`lab.ingest.v1.IngestService`. Takes requests as bytes, so that a malformed request gets an answer of ours."""

    def __init__(self, ledger: RedisLedger, instruments: Instruments, tracing: Tracing) -> None:
        self._ledger, self._instruments, self._tracing = ledger, instruments, tracing
        self._admission = Admission()

    def append(self, request: bytes, _context: grpc.ServicerContext) -> AppendResponse:
        """Append one batch."""
        return self._append(request)

    def append_stream(
        self, requests: Iterator[bytes], _context: grpc.ServicerContext
    ) -> Iterator[AppendStreamResponse]:
        """Append many batches. The answers keep the order, and a refusal does not end the stream."""
        for raw in requests:
            yield self._answer(raw)

    def _answer(self, raw: bytes) -> AppendStreamResponse:
        request = _request_in(raw)
        sequence = _sequence_of(request)
        try:
            return AppendStreamResponse(sequence=sequence, appended=self._append(request))
        except (NotAdmitted, LedgerError) as error:
            return AppendStreamResponse(sequence=sequence, refusal=_refusal(refusal_of(error)))

    def _append(self, request: bytes) -> AppendResponse:
        try:
            batch = self._admission.admit(request, traceparent=current_traceparent())
        except NotAdmitted as error:
            events = events_in(request)
            self._count_refused(UNREADABLE_EVENTS if events is None else events, error.reason)
            raise
        appended = self._store(batch)
        if appended.duplicate:
            self._instruments.add(signals.INGEST_EVENTS_DUPLICATE, batch.events)
        else:
            self._instruments.add(signals.INGEST_EVENTS_ACCEPTED, batch.events)
            self._instruments.add(signals.MESSAGES_SENT, 1)
        return AppendResponse(duplicate=appended.duplicate, accepted=appended.accepted)

    def _store(self, batch: Append) -> Appended:
        started = time.perf_counter()
        try:
            if not batch.traceparent:
                return self._ledger.append(batch)
            with self._tracing.child(
                signals.APPEND_ENTRY, batch.traceparent, SPAN_ATTRIBUTES, kind=Kind.PRODUCER
            ) as span:
                # The worker's span becomes a child of this one.
                appended = self._ledger.append(replace(batch, traceparent=span.traceparent))
                span.set(signals.MESSAGING_MESSAGE, appended.entry_id)
                return appended
        except LedgerError as error:
            self._count_refused(batch.events, error.reason)
            raise
        finally:
            elapsed = time.perf_counter() - started
            self._instruments.record(signals.MESSAGING_OPERATION_DURATION, elapsed, APPEND_LABELS)

    def _count_refused(self, events: int, reason: str) -> None:
        self._instruments.add(signals.INGEST_EVENTS_REFUSED, events, {signals.REASON: reason})


def add_to(server: grpc.Server, servicer: IngestServicer) -> None:
    """Register the service with handlers that take requests as bytes."""
    handlers: dict[str, Any] = {
        "Append": grpc.unary_unary_rpc_method_handler(
            servicer.append, response_serializer=AppendResponse.SerializeToString
        ),
        "AppendStream": grpc.stream_stream_rpc_method_handler(
            servicer.append_stream, response_serializer=AppendStreamResponse.SerializeToString
        ),
    }
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(SERVICE, handlers),))


def _request_in(raw: bytes) -> bytes:
    """Return the AppendRequest in a message of a stream; the message itself where it is malformed."""
    try:
        return AppendStreamRequestReader.FromString(raw).append
    except DecodeError:
        return raw


def _sequence_of(request: bytes) -> int:
    """Return the sequence of a request; 0 where it cannot be read."""
    try:
        return open_envelope(request).sequence
    except NotAdmitted:
        return 0


def _refusal(refused: Refused) -> Refusal:
    code, _ = refused.code.value
    return Refusal(
        code=code,
        reason=refused.reason,
        message=str(refused),
        retry_after_ms=round(refused.retry_after_s * 1_000),
    )
