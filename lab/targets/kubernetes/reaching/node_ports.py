"""Ports of nodes that lead to services: there where the configuration opened them, used where they can be reached."""

import socket
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any, Final

from lab.targets.kubernetes.objects import NAME_LABEL
from lab.targets.kubernetes.rollout.gate import Watched

TRY_S: Final = 1.0
"""For a connection to one; between whoever measures and a cluster there is seldom more than a few milliseconds."""


def node_addresses(cluster: Watched) -> tuple[str, ...]:
    """Addresses of every node."""
    found = [one["status"].get("addresses", ()) for one in cluster.list("v1", "Node")]
    return tuple(sorted({one["address"] for some in found for one in some if one["type"].endswith("IP")}))


def node_ports(cluster: Watched, selector: str) -> Mapping[str, Sequence[str]]:
    """Service → host:port of it on every node; without those that have a port of no node."""
    services = cluster.list("v1", "Service", selector=selector)
    ports = [(_leads_to(one), port) for one in services for port in _ports(one)]
    nodes = node_addresses(cluster) if ports else ()
    found = defaultdict[str, list[str]](list)
    for service, port in ports:
        found[service] += [f"[{node}]:{port}" if ":" in node else f"{node}:{port}" for node in nodes]
    return dict(found)


def reached(addresses: Sequence[str]) -> str:
    """The first of some addresses that takes a connection from here; empty where none does."""
    return next((one for one in addresses if _is_reached(one)), "")


def _leads_to(service: Mapping[str, Any]) -> str:
    """The name of what its pods are."""
    return str((service["spec"].get("selector") or {}).get(NAME_LABEL, ""))


def _ports(service: Mapping[str, Any]) -> Sequence[int]:
    return [port["nodePort"] for port in service["spec"].get("ports", ()) if "nodePort" in port]


def _is_reached(address: str) -> bool:
    host, _, port = address.rpartition(":")
    try:
        with socket.create_connection((host.strip("[]"), int(port)), timeout=TRY_S):
            return True
    except OSError:
        return False
