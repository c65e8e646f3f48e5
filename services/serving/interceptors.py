"""Surrounds every call: token, span, duration, statuses for errors, a limit of open streams."""

from __future__ import annotations

import contextvars
import hmac
import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import grpc

from services.contracts import signals
from services.serving.status import Refused, refusal_of, status_of
from services.telemetry.tracing import NO_SPAN, Kind, SpanHandle, Tracing

if TYPE_CHECKING:
    from services.telemetry.instruments import Instruments

HEALTH_PREFIX: Final = "/grpc.health.v1.Health/"
REFLECTION_PREFIX: Final = "/grpc.reflection."

log = logging.getLogger(__name__)
_traceparent: contextvars.ContextVar[str] = contextvars.ContextVar("traceparent", default="")

Handler: TypeAlias = "grpc.RpcMethodHandler[Any, Any]"
Behaviour = Callable[[Any, grpc.ServicerContext], Any]


def current_traceparent() -> str:
    """Return the trace context of the call under way; empty where the call is not sampled."""
    return _traceparent.get()


class TokenInterceptor(grpc.ServerInterceptor):
    """Admits callers that send the bearer token. Health needs no token, for the probes of Kubernetes."""

    def __init__(self, token: str) -> None:
        self._expected = f"Bearer {token}".encode()

    def intercept_service(
        self, continuation: Callable[[grpc.HandlerCallDetails], Handler | None], details: grpc.HandlerCallDetails
    ) -> Handler | None:
        """Return the handler, or one that answers UNAUTHENTICATED."""
        handler = continuation(details)
        if handler is None or str(details.method).startswith(HEALTH_PREFIX):
            return handler
        sent = [str(value) for key, value in details.invocation_metadata or () if key == "authorization"]
        if sent and hmac.compare_digest(sent[0].encode(), self._expected):
            return handler
        reason = "BAD_TOKEN" if sent else "NO_TOKEN"
        refused = Refused(grpc.StatusCode.UNAUTHENTICATED, reason, "a valid bearer token is needed")

        def refuse(_request: Any, context: grpc.ServicerContext) -> Any:  # noqa: ANN401  any message
            context.abort_with_status(status_of(refused))

        return _with_behaviour(handler, refuse)


class CallInterceptor(grpc.ServerInterceptor):
    """Times calls, traces sampled calls, turns errors into statuses, limits open streams (D43)."""

    def __init__(self, instruments: Instruments, tracing: Tracing, *, stream_limit: int) -> None:
        self._instruments, self._tracing = instruments, tracing
        self._streams = threading.BoundedSemaphore(stream_limit)
        self._stream_limit = stream_limit
        self._wrapped: dict[str, Handler] = {}

    def intercept_service(
        self, continuation: Callable[[grpc.HandlerCallDetails], Handler | None], details: grpc.HandlerCallDetails
    ) -> Handler | None:
        """Return the surrounded handler, made once per method."""
        method = str(details.method)
        wrapped = self._wrapped.get(method)
        if wrapped is not None:
            return wrapped
        handler = continuation(details)
        if handler is None or method.startswith((HEALTH_PREFIX, REFLECTION_PREFIX)):
            return handler
        call = _Call(self._instruments, self._tracing, method[1:])
        behaviour = _behaviour_of(handler)
        if handler.response_streaming or handler.request_streaming:
            wrapped = _with_behaviour(handler, self._streaming(call, behaviour, handler.response_streaming))
        else:
            wrapped = _with_behaviour(handler, _unary(call, behaviour))
        self._wrapped[method] = wrapped
        return wrapped

    def _streaming(self, call: _Call, behaviour: Behaviour, responses: bool) -> Behaviour:  # noqa: FBT001
        def stream(request: Any, context: grpc.ServicerContext) -> Iterator[Any]:  # noqa: ANN401  any message
            with call.around(context), self._open_stream():
                yield from behaviour(request, context)

        def collect(request: Any, context: grpc.ServicerContext) -> Any:  # noqa: ANN401  any message
            with call.around(context), self._open_stream():
                return behaviour(request, context)

        return stream if responses else collect

    @contextmanager
    def _open_stream(self) -> Iterator[None]:
        if not self._streams.acquire(blocking=False):
            message = f"{self._stream_limit} streams are open; close one"
            raise Refused(grpc.StatusCode.RESOURCE_EXHAUSTED, "TOO_MANY_STREAMS", message)
        try:
            yield
        finally:
            self._streams.release()


def _unary(call: _Call, behaviour: Behaviour) -> Behaviour:
    def answer(request: Any, context: grpc.ServicerContext) -> Any:  # noqa: ANN401  any message
        with call.around(context):
            return behaviour(request, context)

    return answer


class _Call:
    """One method: its labels, its span, its statuses."""

    def __init__(self, instruments: Instruments, tracing: Tracing, method: str) -> None:
        self._instruments, self._tracing, self._method = instruments, tracing, method
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
                refused = self._refusal(error)
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
                    signals.SERVE_CALL, str(value), self._attributes, kind=Kind.SERVER, name=self._method
                )
        return nullcontext(NO_SPAN)

    def _refusal(self, error: Exception) -> Refused:
        refused = refusal_of(error)
        if refused.code is grpc.StatusCode.INTERNAL:
            log.error("%s failed", self._method, exc_info=error)
        return refused

    def _labels(self, status: str) -> dict[str, str]:
        return {signals.RPC_METHOD: self._method, signals.RPC_STATUS: status}


def _behaviour_of(handler: Handler) -> Behaviour:
    kinds = (handler.unary_unary, handler.unary_stream, handler.stream_unary, handler.stream_stream)
    return next(behaviour for behaviour in kinds if behaviour is not None)


def _with_behaviour(handler: Handler, behaviour: Behaviour) -> Handler:
    """Return a handler of the same kind around another function."""
    make = {
        (False, False): grpc.unary_unary_rpc_method_handler,
        (False, True): grpc.unary_stream_rpc_method_handler,
        (True, False): grpc.stream_unary_rpc_method_handler,
        (True, True): grpc.stream_stream_rpc_method_handler,
    }[bool(handler.request_streaming), bool(handler.response_streaming)]
    return make(
        behaviour,
        request_deserializer=handler.request_deserializer,
        response_serializer=handler.response_serializer,
    )
