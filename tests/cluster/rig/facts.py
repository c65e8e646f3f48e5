"""Addresses, nodes and folders of the rig."""

from dataclasses import dataclass
from ipaddress import IPv4Network
from pathlib import Path
from typing import Final

NETWORK: Final = IPv4Network("198.18.0.0/15")
"""Reserved for benchmarks (RFC 2544); it exists only in namespaces and on a bridge that the rig makes."""
HOST: Final = "198.18.0.1"
CONTROL: Final = "198.18.0.2"
SERVICES: Final = "198.19.0.0/16"
API_SERVICE: Final = "198.19.0.1"
REGISTRY: Final = f"{HOST}:5000"
API_URL: Final = f"https://{CONTROL}:6443"
DNS_READY_URL: Final = f"http://{CONTROL}:8181/ready"

PREFIX: Final = "lab-rig"
"""The prefix of the rig's cgroups and namespaces, by which they are recognised."""
BRIDGE: Final = f"{PREFIX}0"
CONTROL_NAMESPACE: Final = f"{PREFIX}-control"
RUN: Final = Path("/run", PREFIX)
"""Sockets and container state; in the user's state folder the path of a socket could exceed 107 characters."""


@dataclass(frozen=True, slots=True)
class Node:
    """A node: its name, its architecture (`amd64`, `arm64`), its address, the network of its pods."""

    name: str
    architecture: str
    address: str
    pods: IPv4Network

    @property
    def namespace(self) -> str:
        """The node's network namespace."""
        return f"{PREFIX}-{self.name}"


NODES: Final = (
    Node("clus1", "amd64", "198.18.0.11", IPv4Network("198.18.11.0/24")),
    Node("r3", "arm64", "198.18.0.12", IPv4Network("198.18.12.0/24")),
)
NAMESPACES: Final = {CONTROL_NAMESPACE: CONTROL, **{node.namespace: node.address for node in NODES}}


@dataclass(frozen=True, slots=True)
class RigFacts:
    """What tests and users need to know about a rig.

    Attributes:
        kubeconfig: The administrator's; it refers to no other file.
        api_url: The API server.
        registry: host:port of the plain-HTTP registry.
        nodes: Every node.
        state: Folder of logs, certificates and data; its `log` stays when the rig is down.
        programs: Folder of the built programs, for example `otelcol`, `buildkitd`, `buildctl`, `buildx`, `probe-amd64`.
        host: Address for "external" servers; every pod and node can reach it.
    """

    kubeconfig: Path
    api_url: str
    registry: str
    nodes: tuple[Node, ...]
    state: Path
    programs: Path
    host: str = HOST

    def node(self, architecture: str) -> Node:
        """Return the node of an architecture."""
        return next(node for node in self.nodes if node.architecture == architecture)
