"""Nodes: not ready, out of disk, memory or process IDs, with a wrong clock."""

from collections.abc import Iterator, Mapping
from typing import Final

from lab.analysis.clocks import is_off
from lab.diagnosis import remedies
from lab.diagnosis.finding import Finding
from lab.snapshots.kubernetes import Node
from lab.snapshots.snapshot import Snapshot

PRESSURES: Final[Mapping[str, tuple[str, str]]] = {
    "MemoryPressure": ("memory", remedies.SHOW_MEMORY),
    "PIDPressure": ("process ids", "ps -eo nlwp,pid,user,args --sort=-nlwp | head -n 15"),
}
"""Condition → the scarce resource, and the command that shows who uses it."""
PATIENCE_S: Final = 20.0
"""How long a node may be not ready: a node that has just joined is so for a few seconds."""


def node_is_not_ready(snapshot: Snapshot) -> Iterator[Finding]:
    """A node that is needed does not report, or reports that it cannot run pods."""
    for node in snapshot.nodes:
        ready = node.condition("Ready")
        if ready.status in {"", "True"} or snapshot.age_s(ready.since) < PATIENCE_S or not _is_needed(snapshot, node):
            continue
        pods = _pods_on(snapshot, node)
        yield Finding(
            cause="node-not-ready",
            object=node.ref,
            title=f"node {node.name} is not ready",
            found=f"{ready.reason}: {ready.message} (for {snapshot.age_s(ready.since):.0f} s); pods on it: {len(pods)}",
            why="its kubelet has gone silent: the machine is off or cut off, or the kubelet does not run"
            if ready.status == "Unknown"
            else "its kubelet runs and reports what is missing",
            do=remedies.on(node, f"sudo systemctl restart {node.service}"),
            stops=(node.ref, *pods),
        )


def disk_is_full(snapshot: Snapshot) -> Iterator[Finding]:
    """The disk of a node is full, so that the node evicts pods and takes no new ones."""
    for node in snapshot.nodes:
        pressure = node.condition("DiskPressure")
        if pressure.status != "True":
            continue
        on_node = [pod for pod in snapshot.pods if pod.node == node.name]
        evicted = [pod.name for pod in on_node if pod.status.get("reason") == "Evicted"]
        crictl = "k3s crictl" if node.distribution == "k3s" else "crictl"
        yield Finding(
            cause="disk-pressure",
            object=node.ref,
            title=f"the disk of node {node.name} is full",
            found=(pressure.message or pressure.reason) + (f"; evicted: {', '.join(evicted)}" if evicted else ""),
            why="images, logs or caches fill the disk; "
            "until there is space, the node evicts pods and takes no new ones",
            do=remedies.on(node, f"sudo {crictl} rmi --prune; sudo journalctl --vacuum-size=100M"),
            stops=(node.ref, *_pods_on(snapshot, node)),
        )


def node_is_under_pressure(snapshot: Snapshot) -> Iterator[Finding]:
    """A node that is needed is short of memory or process IDs, so that it evicts pods and takes no new ones."""
    for node in snapshot.nodes:
        for kind, (resource, show_users) in PRESSURES.items():
            pressure = node.condition(kind)
            if pressure.status != "True" or not _is_needed(snapshot, node):
                continue
            since = f"for {snapshot.age_s(pressure.since):.0f} s"
            yield Finding(
                cause="node-pressure",
                object=node.ref,
                title=f"node {node.name} is short of {resource}",
                found=f"{kind}: {pressure.message or pressure.reason} ({since})",
                why="its processes use more than it has; "
                "until that changes, the node evicts pods and takes no new ones",
                do=remedies.on(node, show_users),
                stops=(node.ref, *_pods_on(snapshot, node)),
            )


def clock_is_wrong(snapshot: Snapshot) -> Iterator[Finding]:
    """The clock of a node differs from the lab's by more than the error of measurement."""
    for clock in snapshot.probes.clocks:
        if is_off(clock):
            direction = "ahead of" if clock.offset_s > 0 else "behind"
            yield Finding(
                cause="clock-skew",
                object=f"Node/{clock.node}",
                title=f"the clock of {clock.node} is {abs(clock.offset_s):.3g} s {direction} the lab's",
                found=f"offset {clock.offset_s:+.3f} s ± {clock.error_s:.3f} s",
                why="nothing synchronises the clock of this node; its samples and spans bear wrong times",
                do=remedies.on(snapshot.node(clock.node) or clock.node, remedies.SET_CLOCK),
                stops=("clock",),
                rests_on=(f"Node/{clock.node}",),
            )


def _pods_on(snapshot: Snapshot, node: Node) -> tuple[str, ...]:
    return tuple(pod.ref for pod in snapshot.pods if pod.node == node.name)


def _is_needed(snapshot: Snapshot, node: Node) -> bool:
    """Return whether the node has pods, or is the only ready one of an architecture that the stack wants.

    A board that is switched off and not needed is no fault.
    """
    if _pods_on(snapshot, node) or not snapshot.wanted:
        return True
    ready = {other.architecture for other in snapshot.nodes if other.is_ready and other.name != node.name}
    return node.architecture not in ready and node.architecture in {wanted.architecture for wanted in snapshot.wanted}
