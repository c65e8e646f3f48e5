"""Finds the ports of nodes that lead to services."""

from collections import defaultdict
from collections.abc import Mapping, Sequence

from lab.snapshots.kubernetes import NAME_LABEL, Raw
from lab.snapshots.kubernetes.kinds import NODE, SERVICE
from lab.targets.kubernetes.client.port import Lister


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


def _service_behind(item: Raw) -> str:
    """Return the name of the service whose pods a Service selects."""
    return str((item["spec"].get("selector") or {}).get(NAME_LABEL, ""))


def _ports(item: Raw) -> Sequence[int]:
    return [port["nodePort"] for port in item["spec"].get("ports", ()) if "nodePort" in port]
