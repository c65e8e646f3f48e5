"""Surrounds one call: its errors become statuses, and where it is measured, it gets a span and a duration."""

import contextvars
import logging
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Final

import grpc

from services.contracts import signals
from services.serving.status import Refused, refusal_of, status_of
from services.telemetry.instruments import Instruments
from services.telemetry.tracing import NO_SPAN, Kind, SpanHandle, Tracing

CALLER_GONE: Final = Refused(grpc.StatusCode.CANCELLED, "CALLER_GONE", "the caller went away")
NOT_SERVED: Final = Refused(grpc.StatusCode.UNIMPLEMENTED, "NOT_SERVED", "this service does not offer the method")

log = logging.getLogger(__name__)
_traceparent: contextvars.ContextVar[str] = contextvars.ContextVar("traceparent", default="")


def current_traceparent() -> str:
    """Return the trace context of the call under way; empty where the call is not sampled."""
    return _traceparent.get()


class Answering:
    """Turns the errors of one method into statuses.

    Args:
        method: Name of the method, `package.Service/Method`.
    """

    def __init__(self, method: str) -> None:
        self.method = method

    @contextmanager
    def around(self, context: grpc.ServicerContext) -> Iterator[None]:
        """Surround one call of this method."""
        try:
            yield
        except Exception as error:  # noqa: BLE001  the caller gets a status of ours for every error
            refused = self._refusal(error, context)
        else:
            return
        context.abort_with_status(status_of(refused))

    def _refusal(self, error: Exception, context: grpc.ServicerContext) -> Refused:
        """Return what the caller is told. An error that nobody expects is logged."""
        if isinstance(error, grpc.RpcError) and not context.is_active():
            return CALLER_GONE
        if isinstance(error, NotImplementedError):
            return NOT_SERVED
        refused = refusal_of(error)
        if refused.code is grpc.StatusCode.INTERNAL:
            log.error("%s failed", self.method, exc_info=error)
        return refused


class Measured(Answering):
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
            except Exception as error:  # noqa: BLE001  the caller gets a status of ours for every error
                refused = self._refusal(error, context)
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
