"""Nodes: not ready, out of disk, memory or process ids, with a wrong clock."""

from collections.abc import Iterator, Mapping
from typing import Final

from lab.analysis.clocks import TOLERANCE_S
from lab.diagnosis import remedies
from lab.diagnosis.finding import Finding
from lab.snapshots.kubernetes import Node
from lab.snapshots.snapshot import Snapshot

PRESSURES: Final[Mapping[str, tuple[str, str]]] = {
    "MemoryPressure": ("memory", "ps -eo rss,pid,user,args --sort=-rss | head -n 15"),
    "PIDPressure": ("process ids", "ps -eo nlwp,pid,user,args --sort=-nlwp | head -n 15"),
}
"""Condition → what is short, what shows who uses it."""
PATIENCE_S: Final = 20.0
"""A node that has just joined is not ready for a few seconds."""


def node_is_not_ready(snapshot: Snapshot) -> Iterator[Finding]:
    """A node that is needed does not answer, or says that it cannot run pods."""
    for node in snapshot.nodes:
        said = node.condition("Ready")
        if said.status in {"", "True"} or snapshot.age_s(said.since) < PATIENCE_S or not _is_needed(snapshot, node):
            continue
        on_it = tuple(pod.ref for pod in snapshot.pods if pod.node == node.name)
        yield Finding(
            "node-not-ready",
            node.ref,
            f"node {node.name} is not ready",
            found=f"{said.reason}: {said.message} (for {snapshot.age_s(said.since):.0f} s); pods on it: {len(on_it)}",
            why="its kubelet has gone silent: the machine is off, cut off, or the kubelet does not run"
            if said.status == "Unknown"
            else "its kubelet runs and says what it lacks",
            do=remedies.on(node, f"sudo systemctl restart {node.service}"),
            stops=(node.ref, *on_it),
        )


def disk_is_full(snapshot: Snapshot) -> Iterator[Finding]:
    """A node has no room left, evicts pods and takes no new ones."""
    for node in snapshot.nodes:
        said = node.condition("DiskPressure")
        if said.status != "True":
            continue
        evicted = [
            pod
            for pod in snapshot.pods
            if pod.node == node.name and pod.raw.get("status", {}).get("reason") == "Evicted"
        ]
        crictl = f"{node.distribution} crictl" if node.distribution == "k3s" else "crictl"
        yield Finding(
            "disk-pressure",
            node.ref,
            f"node {node.name} has no room left on its disk",
            found=f"{said.message or said.reason}"
            + (f"; evicted: {', '.join(pod.name for pod in evicted)}" if evicted else ""),
            why="images, logs or caches fill the disk; until there is room the node evicts pods and takes no new ones",
            do=remedies.on(node, f"sudo {crictl} rmi --prune; sudo journalctl --vacuum-size=100M"),
            stops=(node.ref, *(pod.ref for pod in snapshot.pods if pod.node == node.name)),
        )


def node_is_under_pressure(snapshot: Snapshot) -> Iterator[Finding]:
    """A node that is needed is short of memory or of process ids, evicts pods and takes no new ones."""
    for node in snapshot.nodes:
        for kind, (what, look) in PRESSURES.items():
            said = node.condition(kind)
            if said.status != "True" or not _is_needed(snapshot, node):
                continue
            yield Finding(
                "node-pressure",
                node.ref,
                f"node {node.name} is short of {what}",
                found=f"{kind}: {said.message or said.reason} (for {snapshot.age_s(said.since):.0f} s)",
                why="what runs on it uses more than it has; until there is room it evicts pods and takes no new ones",
                do=remedies.on(node, look),
                stops=(node.ref, *(pod.ref for pod in snapshot.pods if pod.node == node.name)),
            )


def clock_is_wrong(snapshot: Snapshot) -> Iterator[Finding]:
    """A node's clock differs from the lab's by more than can be an error of measurement."""
    for clock in snapshot.probes.clocks:
        if abs(clock.offset_s) > clock.error_s + TOLERANCE_S:
            direction = "ahead of" if clock.offset_s > 0 else "behind"
            yield Finding(
                "clock-skew",
                f"Node/{clock.node}",
                f"the clock of {clock.node} is {abs(clock.offset_s):.3g} s {direction} the lab's",
                found=f"offset {clock.offset_s:+.3f} s ± {clock.error_s:.3f} s",
                why="nothing keeps the clock of this node in time; samples and spans of it are out of place",
                do=remedies.on(snapshot.node(clock.node) or clock.node, remedies.SET_CLOCK),
                stops=("clock",),
                rests_on=(f"Node/{clock.node}",),
            )


def _is_needed(snapshot: Snapshot, node: Node) -> bool:
    """Whether pods are on it, or could only go to nodes like it; a board that is switched off is nobody's fault."""
    if any(pod.node == node.name for pod in snapshot.pods) or not snapshot.wanted:
        return True
    ready = [one for one in snapshot.nodes if one.condition("Ready").status == "True"]
    others = {one.architecture for one in ready if one.name != node.name}
    return node.architecture not in others and node.architecture in {one.architecture for one in snapshot.wanted}
