"""The clock of another machine, asked over a real connection from a process whose clock is planted."""

import contextlib
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Final

import grpc
import pytest

from lab.analysis.clocks import is_off
from lab.model import NANOS
from lab.rpc.channels import plaintext
from lab.targets.kubernetes.clocks import EXCHANGES, clocks_of
from services.contracts.generated.lab.status.v1.status_pb2_grpc import add_StatusServiceServicer_to_server
from services.serving.status_service import Facts, StatusServicer
from tests.programs import free_port

FACTS: Final = Facts("ingest-api", "1", "an-instance", "", 0)


@contextlib.contextmanager
def node(*, offset_s: float) -> Iterator[str]:
    """A status server whose clock is off by so much; its address."""
    server = grpc.server(ThreadPoolExecutor(1))
    servicer = StatusServicer(FACTS, tuple, str, clock=lambda: time.time_ns() + round(offset_s * NANOS))
    add_StatusServiceServicer_to_server(servicer, server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        yield f"127.0.0.1:{port}"
    finally:
        server.stop(None).wait()


@pytest.mark.parametrize(("offset_s", "off"), [(-3.0, True), (0.0, False)])
def test_a_planted_offset_is_found(offset_s: float, *, off: bool) -> None:
    """Within the error that the connection allows, and it is held against the node where it is large."""
    with node(offset_s=offset_s) as address:
        [found] = clocks_of({"r3": address}, plaintext)
    assert (found.node, found.exchanges) == ("r3", EXCHANGES)
    assert abs(found.offset_s - offset_s) <= found.error_s
    assert is_off(found) is off


def test_a_node_that_does_not_answer_is_left_out() -> None:
    """No clock is made up for it, nor for one that has no process to be asked."""
    with node(offset_s=0.0) as address:
        found = clocks_of({"a": address, "b": f"127.0.0.1:{free_port()}", "c": ""}, plaintext)
    assert [one.node for one in found] == ["a"]
