"""A process on loopback that reports its status as a service does."""

import platform
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Final

import grpc

from services.contracts.generated.lab.status.v1.status_pb2_grpc import add_StatusServiceServicer_to_server
from services.serving.status_service import Facts, StatusServicer

INSTANCE: Final = "an-instance"
MACHINE: Final = platform.machine()
"""What the process reports as its machine."""
FACTS: Final = Facts("process-worker", "1", INSTANCE, "", 0)


@contextmanager
def status_server() -> Iterator[str]:
    """Yield the address of a process that is well."""
    server = grpc.server(ThreadPoolExecutor(1))
    add_StatusServiceServicer_to_server(StatusServicer(FACTS, tuple, lambda: "durable"), server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        yield f"127.0.0.1:{port}"
    finally:
        server.stop(None).wait()
