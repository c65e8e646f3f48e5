"""Finds the ports of nodes that lead to services, and the ports that this machine reaches."""

import socket
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Final

from lab.snapshots.kubernetes import NAME_LABEL, Raw
from lab.targets.kubernetes.client.reader import Lister
from lab.targets.kubernetes.kinds import NODE, SERVICE

CONNECT_S: Final = 1.0
"""For a connection to a port. The round trip to a cluster is seldom more than a few milliseconds."""


def node_addresses(cluster: Lister) -> tuple[str, ...]:
    """Return the IP addresses of every node."""
    addresses = [address for node in cluster.list(NODE) for address in node["status"].get("addresses", ())]
    return tuple(sorted({address["address"] for address in addresses if address["type"].endswith("IP")}))


def node_ports(cluster: Lister, selector: str) -> Mapping[str, Sequence[str]]:
    """Return service → host:port on every node, for the services that have a port of every node."""
    exposed = [
        (_service_behind(item), port) for item in cluster.list(SERVICE, selector=selector) for port in _ports(item)
    ]
    nodes = node_addresses(cluster) if exposed else ()
    addresses = defaultdict[str, list[str]](list)
    for service, port in exposed:
        addresses[service] += [f"[{node}]:{port}" if ":" in node else f"{node}:{port}" for node in nodes]
    return dict(addresses)


def reached(addresses: Sequence[str]) -> str:
    """Return the first address that takes a connection from this machine; empty where none does."""
    return next((address for address in addresses if _is_reached(address)), "")


def _service_behind(item: Raw) -> str:
    """Return the name of the service whose pods a Service selects."""
    return str((item["spec"].get("selector") or {}).get(NAME_LABEL, ""))


def _ports(item: Raw) -> Sequence[int]:
    return [port["nodePort"] for port in item["spec"].get("ports", ()) if "nodePort" in port]


def _is_reached(address: str) -> bool:
    host, _, port = address.rpartition(":")
    try:
        with socket.create_connection((host.strip("[]"), int(port)), timeout=CONNECT_S):
            return True
    except OSError:
        return False
