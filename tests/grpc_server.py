"""Serves a few methods over gRPC in the process of a test."""

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import grpc


@contextmanager
def served(
    service: str,
    methods: Mapping[str, Any],
    threads: ThreadPoolExecutor,
    interceptors: Sequence[grpc.ServerInterceptor] = (),
    *,
    credentials: grpc.ServerCredentials | None = None,
    port: int = 0,
) -> Iterator[str]:
    """Serve on loopback while the context lasts; yield host:port. The threads end with the context.

    Args:
        service: Full name of the service.
        methods: Name of a method → its handler.
        threads: Run the handlers.
        interceptors: Surround the handlers.
        credentials: Key and certificate; None serves without TLS.
        port: The port; 0 takes a free port.
    """
    server = grpc.server(threads, interceptors=list(interceptors))
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(service, dict(methods)),))
    address = f"127.0.0.1:{port}"
    port = server.add_secure_port(address, credentials) if credentials else server.add_insecure_port(address)
    server.start()
    try:
        yield f"127.0.0.1:{port}"
    finally:
        server.stop(0).wait()
        threads.shutdown()
