"""Receives calls: checks the token before the message, takes messages as bytes, bounds how long a caller is waited for.

On the wire a call with one message is a call with many. Every method is therefore served as a stream of messages: gRPC
then gives a call to its handler before the first message, so that the token is checked first, and the wait for the
message can be ended.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import grpc

from services.serving.answering import Answering, Measured
from services.serving.invalid import InvalidRequest
from services.serving.status import Refused, status_of

if TYPE_CHECKING:
    from services.serving.calls import Call, Calls
    from services.telemetry.instruments import Instruments
    from services.telemetry.tracing import Tracing

HEALTH_PREFIX: Final = "/grpc.health.v1.Health/"
REFLECTION_PREFIX: Final = "/grpc.reflection."

Handler: TypeAlias = "grpc.RpcMethodHandler[Any, Any]"
Continuation: TypeAlias = "Callable[[grpc.HandlerCallDetails], Handler | None]"
Behaviour = Callable[[Any, grpc.ServicerContext], Any]
Requests = Iterator[bytes]


class TokenInterceptor(grpc.ServerInterceptor):
    """Admits callers that send the bearer token. Health needs no token, for the probes of Kubernetes."""

    def __init__(self, token: str, calls: Calls) -> None:
        self._expected = f"Bearer {token}".encode()
        self._calls = calls
        self._refusing = ThreadPoolExecutor(1, thread_name_prefix="refusals")
        self._without, self._with_another = self._refuser("NO_TOKEN"), self._refuser("BAD_TOKEN")

    def intercept_service(self, continuation: Continuation, details: grpc.HandlerCallDetails) -> Handler | None:
        """Return the handler, or one that answers UNAUTHENTICATED without waiting for a message."""
        handler = continuation(details)
        if handler is None or str(details.method).startswith(HEALTH_PREFIX):
            return handler
        sent = [value for key, value in details.invocation_metadata or () if key == "authorization"]
        if not sent:
            return self._without
        return handler if hmac.compare_digest(str(sent[0]).encode(), self._expected) else self._with_another

    def _refuser(self, reason: str) -> Handler:
        refused = Refused(grpc.StatusCode.UNAUTHENTICATED, reason, "a valid bearer token is needed")

        def refuse(_requests: Requests, context: grpc.ServicerContext) -> bytes:
            self._calls.begin(context).answered(0)
            context.abort_with_status(status_of(refused))

        return grpc.stream_unary_rpc_method_handler(_on(self._refusing, refuse))


class CallInterceptor(grpc.ServerInterceptor):
    """Serves every method with messages as bytes, and answers each error with a status of ours."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls
        self._served: dict[str, Handler] = {}

    def intercept_service(self, continuation: Continuation, details: grpc.HandlerCallDetails) -> Handler | None:
        """Return the handler of a method, made once per method."""
        method = str(details.method)
        served = self._served.get(method)
        if served is None and (handler := continuation(details)) is not None:
            served = self._served[method] = _served(handler, self._calls, self.answering(method))
        return served

    def answering(self, method: str) -> Answering:
        """Return what surrounds the calls of a method."""
        return Answering(method[1:])


class MeasuringInterceptor(CallInterceptor):
    """Serves like its base, and measures every call but those of health and reflection.

    Args:
        calls: The calls of the server.
        instruments: Record the durations.
        tracing: Makes the spans.
        probes: Serves the calls of health, on threads of its own; None serves them like all others.
    """

    def __init__(
        self, calls: Calls, instruments: Instruments, tracing: Tracing, *, probes: CallInterceptor | None = None
    ) -> None:
        super().__init__(calls)
        self._instruments, self._tracing, self._probes = instruments, tracing, probes

    def intercept_service(self, continuation: Continuation, details: grpc.HandlerCallDetails) -> Handler | None:
        """Return the handler of a method, made once per method."""
        if self._probes and str(details.method).startswith(HEALTH_PREFIX):
            return self._probes.intercept_service(continuation, details)
        return super().intercept_service(continuation, details)

    def answering(self, method: str) -> Answering:
        """Return what surrounds the calls of a method."""
        if method.startswith((HEALTH_PREFIX, REFLECTION_PREFIX)):
            return super().answering(method)
        return Measured(method[1:], self._instruments, self._tracing)


def _served(handler: Handler, calls: Calls, answering: Answering) -> Handler:
    """Return a handler of bytes around another handler."""
    behaviour = _behaviour_of(handler)
    read = _reader(handler.request_deserializer, answering.method)
    write: Callable[[Any], bytes] = handler.response_serializer or bytes
    take = _all_messages if handler.request_streaming else _only_message

    def stream(requests: Requests, context: grpc.ServicerContext) -> Iterator[bytes]:
        call = calls.begin(context)
        try:
            request = take(call, requests)
            with answering.around(context), calls.stream(call):
                yield from call.sent(map(write, behaviour(request(read), context)))
        finally:
            call.answered(0)

    def collect(requests: Requests, context: grpc.ServicerContext) -> bytes:
        call, unread_bytes = calls.begin(context), 0
        try:
            request = take(call, requests)
            with answering.around(context), calls.stream(call) if handler.request_streaming else nullcontext():
                response = write(behaviour(request(read), context))
            unread_bytes = len(response)
            return response
        finally:
            call.answered(unread_bytes)

    if handler.response_streaming:
        return grpc.stream_stream_rpc_method_handler(_on(calls.workers, stream))
    return grpc.stream_unary_rpc_method_handler(_on(calls.workers, collect))


def _only_message(call: Call, requests: Requests) -> Callable[[Callable[[bytes], Any]], Any]:
    """Wait for the message of a call with one message. Return what reads it."""
    message = call.first(requests)

    def read_with(read: Callable[[bytes], Any]) -> Any:  # noqa: ANN401  any message
        if message is None:
            raise InvalidRequest("NO_MESSAGE", "", "the call ended without a message")
        return read(message)

    return read_with


def _all_messages(call: Call, requests: Requests) -> Callable[[Callable[[bytes], Any]], Any]:
    """Return what reads the messages of a stream as they come."""
    return lambda read: map(read, call.messages(requests))


def _reader(parse: Callable[[bytes], Any] | None, method: str) -> Callable[[bytes], Any]:
    """Return the function that parses a message; the bytes stay as they are where the handler takes bytes."""
    if parse is None:
        return bytes

    def read(message: bytes) -> Any:  # noqa: ANN401  any message
        try:
            return parse(message)
        except Exception as error:
            raise InvalidRequest("MALFORMED", "", f"the message is no request of {method}") from error

    return read


def _behaviour_of(handler: Handler) -> Behaviour:
    kinds = (handler.unary_unary, handler.unary_stream, handler.stream_unary, handler.stream_stream)
    return next(behaviour for behaviour in kinds if behaviour is not None)


def _on(threads: ThreadPoolExecutor, behaviour: Callable[..., Any]) -> Callable[..., Any]:
    """Let gRPC run a behaviour on these threads."""
    behaviour.experimental_thread_pool = threads  # type: ignore[attr-defined]
    return behaviour
