"""The rig's network: a bridge, a namespace for the control plane and one for each node, routes between their pods."""

from contextlib import suppress
from pathlib import Path
from typing import Final

from lab.errors import Unavailable
from tests.cluster.rig.commands import run
from tests.cluster.rig.facts import BRIDGE, HOST, NAMESPACES, NODES, PREFIX

NAMESPACE_FOLDER: Final = Path("/run/netns")
LONGEST_NAME: Final = 15
"""Characters of an interface's name."""


def create() -> None:
    """Make all of it; none of it may be there yet."""
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
            # Without a default route a node cannot reach service addresses, which its own rules rewrite.
            f"route add default via {HOST}",
            *(f"route add {node.pods} via {node.address}" for node in NODES if node.address != address),
            namespace=namespace,
        )
        run(*inside(namespace), "sysctl", "-qw", "net.ipv4.ip_forward=1")


def remove() -> None:
    """Remove what is there."""
    for namespace in namespaces():
        run("ip", "netns", "del", namespace)
    for interface in interfaces():
        with suppress(Unavailable):  # the kernel removes a pair's other end by itself, a moment after its namespace
            run("ip", "link", "del", interface)


def inside(namespace: str) -> tuple[str, ...]:
    """The command that runs another in a namespace; `ip netns exec` would hide the cgroups from a kubelet."""
    return ("nsenter", f"--net={NAMESPACE_FOLDER / namespace}", "--")


def interface_of(namespace: str) -> str:
    """The bridge's end of a namespace's cable."""
    return f"{PREFIX}-{namespace.removeprefix(f'{PREFIX}-')}"[:LONGEST_NAME]


def namespaces() -> list[str]:
    """Namespaces of the rig that exist."""
    return sorted(path.name for path in NAMESPACE_FOLDER.glob(f"{PREFIX}-*"))


def interfaces() -> list[str]:
    """Interfaces of the rig that exist."""
    return sorted(path.name for path in Path("/sys/class/net").glob(f"{PREFIX}*"))


def _ip(*lines: str, namespace: str = "") -> None:
    where = ("-n", namespace) if namespace else ()
    run("ip", *where, "-batch", "-", given="\n".join(lines) + "\n")
