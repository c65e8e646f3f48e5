"""Measures the clocks of nodes by asking a process on each node for its time."""

import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Final

import grpc

from lab.analysis.clocks import Exchange, clock_of
from lab.model import NodeClock
from services.contracts.generated.lab.status.v1 import status_pb2, status_pb2_grpc

if TYPE_CHECKING:
    from lab.rpc.channels import Connect

EXCHANGES: Final = 8
"""The first includes the connection's setup; of the others, the quickest counts."""
TIMEOUT_S: Final = 2.0


def clocks_of(addresses: Mapping[str, str], connect: "Connect") -> tuple[NodeClock, ...]:
    """Return each node's clock beside this machine's. A node that does not answer is left out.

    Args:
        addresses: Node → address of a process on it; empty where there is none.
        connect: Opens a channel to an address.
    """
    by_node = {node: exchanges_with(address, connect) for node, address in sorted(addresses.items()) if address}
    return tuple(clock_of(node, exchanges) for node, exchanges in by_node.items() if exchanges)


def exchanges_with(address: str, connect: "Connect") -> list[Exchange]:
    """Ask a process for its time, one call after the other. Calls without an answer are left out."""
    with connect(address) as channel:
        return list(_exchanges(status_pb2_grpc.StatusServiceStub(channel)))


def _exchanges(stub: status_pb2_grpc.StatusServiceStub) -> Iterator[Exchange]:
    for _ in range(EXCHANGES):
        with suppress(grpc.RpcError):
            sent_ns, started_ns = time.time_ns(), time.perf_counter_ns()
            status = stub.GetStatus(status_pb2.GetStatusRequest(), timeout=TIMEOUT_S)
            # This machine's clock may be set meanwhile, so that a steady clock measures the duration.
            yield Exchange(sent_ns, status.server_time_unix_nano, sent_ns + time.perf_counter_ns() - started_ns)
