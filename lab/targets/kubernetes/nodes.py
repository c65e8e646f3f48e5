"""Describes a cluster's nodes for the record of a run. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from lab.model import NodeClock, ServiceStatus
from lab.snapshots.kubernetes import Node, Raw


@dataclass(frozen=True, slots=True)
class ClockFacts:
    """The offset of a node's clock from the lab's, and the error of that measurement; milliseconds."""

    offset_ms: float
    error_ms: float


@dataclass(frozen=True, slots=True)
class NodeFacts:
    """A node that processes of the stack run on.

    Attributes:
        architecture: Architecture as the kubelet reports it: amd64, arm64.
        kubelet: Version of the kubelet.
        runtime: Name and version of the container runtime.
        kernel: Version of the kernel.
        cpu: Cores that pods may use, as a Kubernetes quantity.
        emulated: Whether a process on the node reports another machine than the node's CPU.
        clock: Clock of the node; None where no process on the node answered.
    """

    architecture: str
    kubelet: str
    runtime: str
    kernel: str
    cpu: str
    emulated: bool
    clock: ClockFacts | None


def node_facts(
    nodes: Sequence[Raw], statuses: Sequence[ServiceStatus], clocks: Sequence[NodeClock]
) -> Mapping[str, NodeFacts]:
    """Return node → facts, for the nodes that processes of the stack run on.

    Args:
        nodes: Nodes as the API returns them.
        statuses: Statuses that the processes report.
        clocks: Clocks of the nodes.
    """
    used = {status.node for status in statuses if status.node}
    emulated = {status.node for status in statuses if status.emulated}
    offsets = {
        clock.node: ClockFacts(round(1e3 * clock.offset_s, 3), round(1e3 * clock.error_s, 3)) for clock in clocks
    }
    ours = sorted((node for node in map(Node, nodes) if node.name in used), key=lambda node: node.name)
    return {node.name: _facts(node, emulated=node.name in emulated, clock=offsets.get(node.name)) for node in ours}


def _facts(node: Node, *, emulated: bool, clock: ClockFacts | None) -> NodeFacts:
    info = node.status.get("nodeInfo", {})
    return NodeFacts(
        architecture=node.architecture,
        kubelet=info.get("kubeletVersion", ""),
        runtime=info.get("containerRuntimeVersion", ""),
        kernel=info.get("kernelVersion", ""),
        cpu=node.status.get("allocatable", {}).get("cpu", ""),
        emulated=emulated,
        clock=clock,
    )
