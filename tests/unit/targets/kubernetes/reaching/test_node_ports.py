"""Ports of nodes are used where this machine reaches them, and nowhere else."""

import socket
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from typing import Any, Final

import pytest

from lab.snapshots.kubernetes import NAME_LABEL, STACK_LABEL
from lab.targets.kubernetes.kinds import Kind
from lab.targets.kubernetes.reaching.node_ports import node_addresses, node_ports, reached
from tests.unit.targets.kubernetes.test_deployment import Kept, stack

SELECTOR: Final = f"{STACK_LABEL}=lab"
ADDRESSES: Final = ("127.0.0.9", "127.0.0.1")
"""Of the nodes; nobody listens at the first."""


class Exposed(Kept):
    """A cluster of two nodes in which query-api has a port of each, and ingest-api has none."""

    def __init__(self, port: int, addresses: Sequence[str] = ADDRESSES) -> None:
        super().__init__()
        self._port, self._nodes = port, addresses

    def list(self, kind: Kind, *, selector: str = "") -> Sequence[Mapping[str, Any]]:
        """Return nodes with their names and addresses, or Services of the stack."""
        match kind.name:
            case "Node":
                return [
                    {
                        "status": {
                            "addresses": [
                                {"type": "Hostname", "address": "r"},
                                {"type": "InternalIP", "address": address},
                            ]
                        }
                    }
                    for address in self._nodes
                ]
            case "Service":
                inside, opened = {"port": 7000}, {"port": 7000, "nodePort": self._port}
                return [service("ingest-api", inside), service("query-api", inside), service("query-api", opened)]
        return super().list(kind, selector=selector)


def service(name: str, port: Mapping[str, int]) -> Mapping[str, Any]:
    """Return a Service that leads to the pods of that name."""
    return {"metadata": {"name": "any"}, "spec": {"selector": {NAME_LABEL: name}, "ports": [port]}}


@pytest.fixture
def port() -> Iterator[int]:
    """Return a port at which somebody listens, at the last of the addresses."""
    with closing(socket.create_server((ADDRESSES[-1], 0))) as server:
        yield server.getsockname()[1]


def test_a_service_is_at_its_port_of_every_node() -> None:
    """By the name of its pods, not of the Service; a Service without such a port is left out."""
    assert node_ports(Exposed(31000), SELECTOR) == {"query-api": ["127.0.0.1:31000", "127.0.0.9:31000"]}
    assert node_ports(Exposed(31000, ["fd00::1"]), SELECTOR) == {"query-api": ["[fd00::1]:31000"]}
    assert node_addresses(Exposed(0)) == ("127.0.0.1", "127.0.0.9")


def test_the_first_address_that_takes_a_connection_is_used(port: int) -> None:
    """Where no address does, none is used."""
    silent, listening = (f"{address}:{port}" for address in ADDRESSES)
    assert reached([silent, listening]) == listening
    assert reached([silent]) == ""


def test_a_reachable_port_replaces_a_forward(port: int) -> None:
    """Of its service alone. Other services are forwarded, and so is this one behind a firewall."""
    with stack(Exposed(port)) as deployment:
        assert deployment.address_of("query-api") == f"{ADDRESSES[-1]}:{port}"
        assert deployment.within_reach.query == f"{ADDRESSES[-1]}:{port}"
        assert deployment.within_reach.ingest == ""
    with stack(Exposed(port, ADDRESSES[:1])) as deployment:
        assert deployment.within_reach.query == ""
