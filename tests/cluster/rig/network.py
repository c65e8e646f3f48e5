"""Creates the rig's network: a bridge, a namespace for the control plane and for each node, and routes."""

from contextlib import suppress
from pathlib import Path
from typing import Final

from lab.errors import Unavailable
from tests.cluster.rig.commands import run
from tests.cluster.rig.facts import BRIDGE, HOST, NAMESPACES, NODES, PREFIX

NAMESPACE_FOLDER: Final = Path("/run/netns")
LONGEST_NAME: Final = 15
"""Most characters of an interface's name."""


def create() -> None:
    """Create the network; no part of it may exist yet."""
    _ip(
        f"link add {BRIDGE} type bridge",
        f"addr add {HOST}/24 dev {BRIDGE}",
        f"link set {BRIDGE} up",
        *(f"route add {node.pods} via {node.address}" for node in NODES),
    )
    for namespace, address in NAMESPACES.items():
        veth = interface_of(namespace)
        run("ip", "netns", "add", namespace)
        _ip(
            f"link add {veth} type veth peer name eth0 netns {namespace}",
            f"link set {veth} master {BRIDGE} up",
        )
        _ip(
            f"addr add {address}/24 dev eth0",
            "link set eth0 up",
            "link set lo up",
            # Without a default route a node cannot reach service addresses, which its iptables rules rewrite.
            f"route add default via {HOST}",
            *(f"route add {node.pods} via {node.address}" for node in NODES if node.address != address),
            namespace=namespace,
        )
        run(*inside(namespace), "sysctl", "-qw", "net.ipv4.ip_forward=1")


def remove() -> None:
    """Remove the parts of the network that exist."""
    for namespace in namespaces():
        run("ip", "netns", "del", namespace)
    for interface in interfaces():
        with suppress(Unavailable):  # the kernel removes a pair itself, a moment after its namespace
            run("ip", "link", "del", interface)


def inside(namespace: str) -> tuple[str, ...]:
    """Return the prefix of a command in a namespace; `ip netns exec` would hide the cgroups from a kubelet."""
    return ("nsenter", f"--net={NAMESPACE_FOLDER / namespace}", "--")


def interface_of(namespace: str) -> str:
    """Return the name of a namespace's interface at the bridge."""
    return f"{PREFIX}-{namespace.removeprefix(f'{PREFIX}-')}"[:LONGEST_NAME]


def namespaces() -> list[str]:
    """Return the namespaces of the rig that exist."""
    return sorted(path.name for path in NAMESPACE_FOLDER.glob(f"{PREFIX}-*"))


def interfaces() -> list[str]:
    """Return the interfaces of the rig that exist."""
    return sorted(path.name for path in Path("/sys/class/net").glob(f"{PREFIX}*"))


def _ip(*lines: str, namespace: str = "") -> None:
    where = ("-n", namespace) if namespace else ()
    run("ip", *where, "-batch", "-", text="\n".join(lines) + "\n")
