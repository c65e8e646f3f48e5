"""Ports of nodes are used where this machine reaches them, and nowhere else."""

import socket
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from typing import Final

import pytest

from lab.snapshots.kubernetes import NAME_LABEL, STACK_LABEL
from lab.targets.kubernetes.reaching.connections import first_reached
from lab.targets.kubernetes.reaching.node_ports import node_addresses, node_ports
from tests.fakes.cluster import FakeClusterClient, Object
from tests.unit.targets.kubernetes.stacks import stack

SELECTOR: Final = f"{STACK_LABEL}=lab"
ADDRESSES: Final = ("127.0.0.9", "127.0.0.1")
"""Of the nodes; nobody listens at the first."""


def exposed(port: int, addresses: Sequence[str] = ADDRESSES) -> FakeClusterClient:
    """Return a cluster of some nodes in which query-api has a port of each, and ingest-api has none."""
    inside, opened = {"port": 7000}, {"port": 7000, "nodePort": port}
    services = [service("ingest-api", inside), service("query-api", inside), service("query-api", opened, name="ports")]
    return FakeClusterClient(*(node(address) for address in addresses), *services)


def node(address: str) -> Object:
    """Return a node with its name and its address."""
    addresses = [{"type": "Hostname", "address": "r"}, {"type": "InternalIP", "address": address}]
    return {"apiVersion": "v1", "kind": "Node", "metadata": {"name": address}, "status": {"addresses": addresses}}


def service(pods: str, port: Mapping[str, int], *, name: str = "") -> Object:
    """Return a Service of the stack that leads to the pods of that name."""
    metadata = {"name": name or f"of-{pods}", "labels": {STACK_LABEL: "lab"}}
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": metadata,
        "spec": {"selector": {NAME_LABEL: pods}, "ports": [port]},
    }


@pytest.fixture
def port() -> Iterator[int]:
    """Return a port at which somebody listens, at the last of the addresses."""
    with closing(socket.create_server((ADDRESSES[-1], 0))) as server:
        yield server.getsockname()[1]


def test_a_service_is_at_its_port_of_every_node() -> None:
    """By the name of its pods, not of the Service; a Service without such a port is left out."""
    assert node_ports(exposed(31000), SELECTOR) == {"query-api": ["127.0.0.1:31000", "127.0.0.9:31000"]}
    assert node_ports(exposed(31000, ["fd00::1"]), SELECTOR) == {"query-api": ["[fd00::1]:31000"]}
    assert node_addresses(exposed(0)) == ("127.0.0.1", "127.0.0.9")


def test_the_first_address_that_takes_a_connection_is_used(port: int) -> None:
    """Where no address does, none is used."""
    silent, listening = (f"{address}:{port}" for address in ADDRESSES)
    assert first_reached([silent, listening]) == listening
    assert first_reached([silent]) == ""


def test_a_reachable_port_replaces_a_forward(port: int) -> None:
    """Of its service alone. Other services are forwarded, and so is this one behind a firewall."""
    with stack(exposed(port)) as deployment:
        assert deployment.address_of("query-api") == f"{ADDRESSES[-1]}:{port}"
        assert deployment.within_reach.query == f"{ADDRESSES[-1]}:{port}"
        assert deployment.within_reach.ingest == ""
    with stack(exposed(port, ADDRESSES[:1])) as deployment:
        assert deployment.within_reach.query == ""
