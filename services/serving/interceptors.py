"""Receives calls as streams of bytes, so that a caller without a token, or without a message, holds up no other caller.

gRPC sends a single message as a stream of length one. Every method is therefore served as a stream of messages. A call
then reaches its handler before its first message. The token is checked first, and the wait for the message can end.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from typing import TYPE_CHECKING, Final, TypeAlias, TypeVar, cast

import grpc

from services.serving.answering import Answering
from services.serving.calls import Call, Calls
from services.serving.invalid import InvalidRequest
from services.serving.measuring import TracedAnswering
from services.serving.status import Refused, status_of

if TYPE_CHECKING:
    from services.telemetry.instruments import Instruments
    from services.telemetry.tracing import Tracing

HEALTH_PREFIX: Final = "/grpc.health.v1.Health/"
REFLECTION_PREFIX: Final = "/grpc.reflection."

Req = TypeVar("Req")
Res = TypeVar("Res")
Handler: TypeAlias = "grpc.RpcMethodHandler[Req, Res]"
Continuation: TypeAlias = "Callable[[grpc.HandlerCallDetails], Handler[Req, Res] | None]"
Behaviour: TypeAlias = "Callable[[Iterator[Req], grpc.ServicerContext], Iterator[Res]]"
"""Turns requests into responses. A stream of length one stands for a single request, and for a single response."""
Requests = Iterator[bytes]
Served = TypeVar("Served", bound=Callable[..., object])


class TokenInterceptor(grpc.ServerInterceptor):
    """Admits callers that send the bearer token. Health needs no token, for the probes of Kubernetes."""

    def __init__(self, token: str, calls: Calls) -> None:
        self._expected = f"Bearer {token}".encode()
        self._calls = calls
        self._refusing = ThreadPoolExecutor(1, thread_name_prefix="refusals")
        self._without, self._with_another = self._refuser("NO_TOKEN"), self._refuser("BAD_TOKEN")

    def intercept_service(
        self, continuation: Continuation[Req, Res], details: grpc.HandlerCallDetails
    ) -> Handler[Req, Res] | None:
        """Return the handler, or one that answers UNAUTHENTICATED without waiting for a message."""
        handler = continuation(details)
        if handler is None or str(details.method).startswith(HEALTH_PREFIX):
            return handler
        sent = [value for key, value in details.invocation_metadata or () if key == "authorization"]
        if sent and hmac.compare_digest(str(sent[0]).encode(), self._expected):
            return handler
        return grpc.stream_unary_rpc_method_handler(self._with_another if sent else self._without)

    def _refuser(self, reason: str) -> Callable[[Requests, grpc.ServicerContext], bytes]:
        """Return the behaviour that refuses every call for a reason."""
        refused = Refused(
            grpc.StatusCode.UNAUTHENTICATED,
            reason,
            "a valid bearer token is needed; send `authorization: Bearer TOKEN`",
        )

        def refuse(_requests: Requests, context: grpc.ServicerContext) -> bytes:
            self._calls.begin(context).answered(0)
            context.abort_with_status(status_of(refused))

        return _on(self._refusing, refuse)


class CallInterceptor(grpc.ServerInterceptor):
    """Serves every method with messages as bytes, and answers each error with a status of ours."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls
        self._served: dict[str, object] = {}

    def intercept_service(
        self, continuation: Continuation[Req, Res], details: grpc.HandlerCallDetails
    ) -> Handler[Req, Res] | None:
        """Return the handler of a method, made once per method."""
        method = str(details.method)
        if method not in self._served:
            handler = continuation(details)
            if handler is None:
                return None
            self._served[method] = _served(handler, self._calls, self.answering(method))
        # The types are those of the method, which is always the same.
        return cast("Handler[Req, Res]", self._served[method])

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

    def intercept_service(
        self, continuation: Continuation[Req, Res], details: grpc.HandlerCallDetails
    ) -> Handler[Req, Res] | None:
        """Return the handler of a method, made once per method."""
        if self._probes and str(details.method).startswith(HEALTH_PREFIX):
            return self._probes.intercept_service(continuation, details)
        return super().intercept_service(continuation, details)

    def answering(self, method: str) -> Answering:
        """Return what surrounds the calls of a method."""
        if method.startswith((HEALTH_PREFIX, REFLECTION_PREFIX)):
            return super().answering(method)
        return TracedAnswering(method[1:], self._instruments, self._tracing)


def _served(handler: Handler[Req, Res], calls: Calls, answering: Answering) -> Handler[Req, Res]:
    """Return a handler of bytes around another handler."""
    behaviour = _behaviour_of(handler)
    read = _reader(handler.request_deserializer, answering.method)
    write = handler.response_serializer or cast("Callable[[Res], bytes]", bytes)
    take = Call.messages if handler.request_streaming else _only_message

    def stream(requests: Requests, context: grpc.ServicerContext) -> Iterator[bytes]:
        call = calls.begin(context)
        try:
            messages = take(call, requests)
            with answering.around(context), calls.stream(call):
                yield from call.sent(map(write, behaviour(map(read, messages), context)))
        finally:
            call.answered(0)

    def collect(requests: Requests, context: grpc.ServicerContext) -> bytes:
        call, unread_bytes = calls.begin(context), 0
        try:
            if calls.is_late():
                with calls.load_counted(context), answering.around(context):
                    calls.refuse_late()
            messages = take(call, requests)
            # The waits for a stream's messages are its caller's, and say nothing of this server.
            counted = nullcontext() if handler.request_streaming else calls.load_counted(context)
            place = calls.stream(call) if handler.request_streaming else nullcontext()
            with counted, answering.around(context), place:
                response = write(next(behaviour(map(read, messages), context)))
            unread_bytes = len(response)
            return response
        finally:
            call.answered(unread_bytes)

    if handler.response_streaming:
        return grpc.stream_stream_rpc_method_handler(_on(calls.workers, stream))
    return grpc.stream_unary_rpc_method_handler(_on(calls.workers, collect))


def _only_message(call: Call, requests: Requests) -> Requests:
    """Wait for the message of a call with one message. Return it as a stream, which is empty where none was sent."""
    message = call.first(requests)
    return iter(()) if message is None else iter((message,))


def _reader(parse: Callable[[bytes], Req] | None, method: str) -> Callable[[bytes], Req]:
    """Return the function that parses a message; the bytes stay as they are where the handler takes bytes."""
    if parse is None:
        return cast("Callable[[bytes], Req]", bytes)

    def read(message: bytes) -> Req:
        try:
            return parse(message)
        except Exception as error:
            raise InvalidRequest("MALFORMED", "", f"the message is no request of {method}") from error

    return read


def _behaviour_of(handler: Handler[Req, Res]) -> Behaviour[Req, Res]:
    """Return the behaviour of a handler of any of the four kinds."""
    if (many_to_many := handler.stream_stream) is not None:
        return many_to_many
    if (one_to_many := handler.unary_stream) is not None:
        return lambda requests, context: one_to_many(_only(requests), context)
    if (many_to_one := handler.stream_unary) is not None:
        return lambda requests, context: iter((many_to_one(requests, context),))
    one_to_one = handler.unary_unary
    if one_to_one is None:
        raise TypeError("the handler has no behaviour")
    return lambda requests, context: iter((one_to_one(_only(requests), context),))


def _only(requests: Iterator[Req]) -> Req:
    """Return the one request. Raises InvalidRequest where the caller sent none."""
    for request in requests:
        return request
    raise InvalidRequest("NO_MESSAGE", "", "the call ended without a message")


def _on(threads: ThreadPoolExecutor, behaviour: Served) -> Served:
    """Let gRPC run a behaviour on these threads."""
    behaviour.experimental_thread_pool = threads  # type: ignore[attr-defined]
    return behaviour
