"""A stream of requests that finds no place is refused with a status, shown on gRPC's own server and client."""

import threading
from collections.abc import Iterator
from typing import Any, Final

import grpc
import pytest

from services.serving.calls import Calls
from services.serving.interceptors import CallInterceptor
from services.serving.workers import Workers
from tests.grpc_server import served

SERVICE: Final = "test.v1.Test"


@pytest.mark.timeout(60)
def test_a_stream_too_many_is_refused() -> None:
    """The only place is taken by a stream that is not silent for long yet."""
    workers, over, begun = Workers(4, "rpc"), threading.Event(), threading.Event()

    def count(requests: Iterator[bytes], _context: grpc.ServicerContext) -> bytes:
        next(requests)
        begun.set()
        return str(1 + len(list(requests))).encode()

    def messages() -> Iterator[bytes]:
        yield b"first"
        over.wait(30)

    interceptors = [CallInterceptor(Calls(workers, stream_limit=1))]
    methods: dict[str, Any] = {"Count": grpc.stream_unary_rpc_method_handler(count)}
    with served(SERVICE, methods, workers, interceptors) as address, grpc.insecure_channel(address) as channel:
        call: Any = channel.stream_unary(f"/{SERVICE}/Count")
        first = call.future(messages(), timeout=30)
        assert begun.wait(10)
        with pytest.raises(grpc.RpcError) as refused:
            call(iter((b"second",)), timeout=10)
        over.set()
        assert first.result() == b"1"
    error: Any = refused.value
    assert (error.code(), "1 streams are open" in error.details()) == (grpc.StatusCode.RESOURCE_EXHAUSTED, True)
