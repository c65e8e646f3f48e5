"""Measures one call: a duration for every call, a span for a sampled call."""

import contextvars
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext

import grpc

from services.contracts import signals
from services.serving.answering import Answering
from services.serving.status import Refused, status_of
from services.telemetry.instruments import Instruments
from services.telemetry.tracing import NO_SPAN, Kind, SpanHandle, Tracing

_traceparent: contextvars.ContextVar[str] = contextvars.ContextVar("traceparent", default="")


def current_traceparent() -> str:
    """Return the trace context of the call under way; empty where the call is not sampled."""
    return _traceparent.get()


class TracedAnswering(Answering):
    """Records a duration for every call of one method, and a span for a sampled call."""

    def __init__(self, method: str, instruments: Instruments, tracing: Tracing) -> None:
        super().__init__(method)
        self._instruments, self._tracing = instruments, tracing
        self._ok = self._labels("OK")
        self._attributes = {signals.RPC_SYSTEM: "grpc", signals.RPC_METHOD: method}

    @contextmanager
    def around(self, context: grpc.ServicerContext) -> Iterator[None]:
        """Surround one call of this method."""
        started = time.perf_counter()
        labels = self._ok
        refused: Refused | None = None
        with self._span(context) as span:
            token = _traceparent.set(span.traceparent)
            try:
                yield
            except GeneratorExit:
                # The caller has left a stream of answers.
                labels = self._labels("CANCELLED")
                raise
            except Exception as error:  # noqa: BLE001  the caller gets a status of ours for every error
                refused = self.refusal(error, context)
                labels = self._labels(refused.code.name)
                span.fail(refused.code.name)
            finally:
                _traceparent.reset(token)
                if span is not NO_SPAN:
                    span.set(signals.RPC_STATUS, labels[signals.RPC_STATUS])
                self._instruments.record(signals.RPC_SERVER_DURATION, time.perf_counter() - started, labels)
        if refused is not None:
            context.abort_with_status(status_of(refused))

    def _span(self, context: grpc.ServicerContext) -> AbstractContextManager[SpanHandle]:
        for key, value in context.invocation_metadata() or ():
            if key == signals.TRACEPARENT:
                return self._tracing.child(
                    signals.SERVE_CALL, str(value), self._attributes, kind=Kind.SERVER, name=self.method
                )
        return nullcontext(NO_SPAN)

    def _labels(self, status: str) -> dict[str, str]:
        return {signals.RPC_METHOD: self.method, signals.RPC_STATUS: status}
