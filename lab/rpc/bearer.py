"""The token that goes with every call over TLS."""

from collections.abc import Callable
from typing import Any, NamedTuple

import grpc

Continue = Callable[[Any, Any], Any]


class Details(NamedTuple):
    """What gRPC is told of a call; satisfies `grpc.ClientCallDetails`."""

    method: str
    timeout: float | None
    metadata: tuple[tuple[str, str | bytes], ...]
    credentials: grpc.CallCredentials | None
    wait_for_ready: bool | None
    compression: grpc.Compression | None


class Bearer(
    grpc.UnaryUnaryClientInterceptor,
    grpc.UnaryStreamClientInterceptor,
    grpc.StreamUnaryClientInterceptor,
    grpc.StreamStreamClientInterceptor,
):
    """Adds a token to what is sent.

    gRPC's own call credentials do the same by a plugin, whose end needs Python's lock in a thread of gRPC, while the
    end of a channel holds it and waits for that thread (grpc/grpc#42247): now and then a program stands still for ever.
    """

    def __init__(self, token: str) -> None:
        self._metadata = (("authorization", f"Bearer {token}"),)

    def _send(self, continuation: Continue, call: grpc.ClientCallDetails, sent: object) -> Any:  # noqa: ANN401  gRPC's
        metadata = (*(call.metadata or ()), *self._metadata)
        details = Details(call.method, call.timeout, metadata, call.credentials, call.wait_for_ready, call.compression)
        return continuation(details, sent)

    intercept_unary_unary: Any = _send
    intercept_unary_stream: Any = _send
    intercept_stream_unary: Any = _send
    intercept_stream_stream: Any = _send
