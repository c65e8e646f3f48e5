"""Translates calls into ledger appends, and their outcomes into answers."""

import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Any, Final

import grpc

from services.contracts import signals
from services.contracts.generated.lab.ingest.v1.fast_reader_pb2 import AppendStreamRequestReader
from services.contracts.generated.lab.ingest.v1.ingest_pb2 import AppendResponse, AppendStreamResponse, Refusal
from services.ingest_api.admission import Admission, NotAdmitted, open_envelope
from services.ledger.errors import LedgerError
from services.ledger.port import Append, Appended, Ledger
from services.serving.interceptors import current_traceparent
from services.serving.status import Refused, refusal_of
from services.telemetry.instruments import Instruments
from services.telemetry.tracing import Kind, Tracing

SERVICE: Final = "lab.ingest.v1.IngestService"
APPEND_LABELS: Final = {signals.MESSAGING_OPERATION: "fcall lab_append"}
SPAN_ATTRIBUTES: Final = {
    signals.MESSAGING_SYSTEM: "redis",
    signals.MESSAGING_DESTINATION: signals.DESTINATION,
    signals.MESSAGING_OPERATION: "fcall lab_append",
    signals.MESSAGING_OPERATION_TYPE: "send",
}


class IngestServicer:
    """`lab.ingest.v1.IngestService`; takes requests as bytes, so that a malformed one gets an answer of ours."""

    def __init__(self, ledger: Ledger, instruments: Instruments, tracing: Tracing) -> None:
        self._ledger, self._instruments, self._tracing = ledger, instruments, tracing
        self._admission = Admission()

    def append(self, request: bytes, _context: grpc.ServicerContext) -> AppendResponse:
        """Append one batch."""
        return self._append(request)

    def append_stream(
        self, requests: Iterator[bytes], _context: grpc.ServicerContext
    ) -> Iterator[AppendStreamResponse]:
        """Append batch by batch; each gets its answer in order, and a refusal does not end the stream."""
        for raw in requests:
            yield self._answer(raw)

    def _answer(self, raw: bytes) -> AppendStreamResponse:
        sequence = 0
        try:
            request = AppendStreamRequestReader.FromString(raw).append
            sequence = open_envelope(request).sequence
            return AppendStreamResponse(sequence=sequence, appended=self._append(request))
        except (Refused, LedgerError, NotAdmitted) as error:
            return AppendStreamResponse(sequence=sequence, refusal=_refusal(refusal_of(error)))

    def _append(self, request: bytes) -> AppendResponse:
        try:
            batch = self._admission.admit(request, traceparent=current_traceparent())
        except NotAdmitted as error:
            self._instruments.add(signals.INGEST_EVENTS_REFUSED, 1, {signals.REASON: error.reason})
            raise Refused(grpc.StatusCode.INVALID_ARGUMENT, error.reason, str(error), field=error.field) from error
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
                appended = self._ledger.append(_carrying(batch, span.traceparent))
                span.set(signals.MESSAGING_MESSAGE, appended.entry_id)
                return appended
        except LedgerError as error:
            self._instruments.add(signals.INGEST_EVENTS_REFUSED, batch.events, {signals.REASON: error.reason})
            raise
        finally:
            elapsed = time.perf_counter() - started
            self._instruments.record(signals.MESSAGING_OPERATION_DURATION, elapsed, APPEND_LABELS)


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


def _carrying(batch: Append, traceparent: str) -> Append:
    """The same batch with the span that appends it as the context of whoever reads it."""
    return replace(batch, traceparent=traceparent)


def _refusal(refused: Refused) -> Refusal:
    code, _ = refused.code.value
    return Refusal(
        code=code,
        reason=refused.reason,
        message=str(refused),
        retry_after_ms=round(refused.retry_after_s * 1_000),
    )
