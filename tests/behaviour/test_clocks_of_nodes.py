"""The clock of another machine is measured over a real connection to a process with a planted clock."""

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
    """Yield the address of a status server whose clock has that offset."""
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
    """Within the error that the connection allows; a clock with a large offset is off."""
    with node(offset_s=offset_s) as address:
        [clock] = clocks_of({"r3": address}, plaintext)
    assert (clock.node, clock.exchanges) == ("r3", EXCHANGES)
    assert abs(clock.offset_s - offset_s) <= clock.error_s
    assert is_off(clock) is off


def test_a_node_that_does_not_answer_is_left_out() -> None:
    """So is a node without a process that could be asked."""
    with node(offset_s=0.0) as address:
        clocks = clocks_of({"a": address, "b": f"127.0.0.1:{free_port()}", "c": ""}, plaintext)
    assert [clock.node for clock in clocks] == ["a"]
