"""Sends a token with every call."""

from collections.abc import Callable
from typing import Any, NamedTuple

import grpc

Continue = Callable[[Any, Any], Any]


class Details(NamedTuple):
    """The details of a call, as gRPC takes them; satisfies `grpc.ClientCallDetails`."""

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
    """Adds a token to the metadata of every call.

    gRPC's own call credentials run a plugin in a thread of gRPC. A closing channel holds Python's lock and waits for
    that thread, which needs the lock to end: now and then a program hangs for ever (grpc/grpc#42247).

    Args:
        token: The token, without the word `Bearer`.
    """

    def __init__(self, token: str) -> None:
        self._metadata = (("authorization", f"Bearer {token}"),)

    def _send(self, continuation: Continue, call: grpc.ClientCallDetails, request: object) -> Any:  # noqa: ANN401  gRPC's
        metadata = (*(call.metadata or ()), *self._metadata)
        details = Details(call.method, call.timeout, metadata, call.credentials, call.wait_for_ready, call.compression)
        return continuation(details, request)

    intercept_unary_unary: Any = _send
    intercept_unary_stream: Any = _send
    intercept_stream_unary: Any = _send
    intercept_stream_stream: Any = _send
