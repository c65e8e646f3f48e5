"""What a record says of a cluster's nodes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lab.model import NodeClock, ServiceStatus


@dataclass(frozen=True, slots=True)
class ClockFacts:
    """A node's clock beside the lab's, and how well that is known; milliseconds."""

    offset_ms: float
    error_ms: float


@dataclass(frozen=True, slots=True)
class NodeFacts:
    """A node that processes of ours run on.

    Attributes:
        architecture: As its kubelet reports it: amd64, arm64.
        kubelet: Version.
        runtime: Of containers, with its version.
        kernel: Version.
        cpu: Cores that pods may have, as a Kubernetes quantity.
        emulated: Whether a process there says that its machine is not the CPU's.
        clock: None where nobody could be asked.
    """

    architecture: str
    kubelet: str
    runtime: str
    kernel: str
    cpu: str
    emulated: bool
    clock: ClockFacts | None


def node_facts(
    nodes: Sequence[Mapping[str, Any]], statuses: Sequence[ServiceStatus], clocks: Sequence[NodeClock]
) -> Mapping[str, NodeFacts]:
    """Node → what it is, of the nodes that processes of ours run on.

    Args:
        nodes: As the API has them.
        statuses: What our processes say of themselves.
        clocks: Of the nodes, beside the lab's.
    """
    used = {one.node for one in statuses if one.node}
    emulated = {one.node for one in statuses if one.emulated}
    clock = {one.node: ClockFacts(round(1e3 * one.offset_s, 3), round(1e3 * one.error_s, 3)) for one in clocks}
    found = {one["metadata"]["name"]: one["status"] for one in nodes}
    return {
        name: _facts(status, emulated=name in emulated, clock=clock.get(name))
        for name, status in sorted(found.items())
        if name in used
    }


def _facts(status: Mapping[str, Any], *, emulated: bool, clock: ClockFacts | None) -> NodeFacts:
    said = status["nodeInfo"]
    return NodeFacts(
        architecture=said.get("architecture", ""),
        kubelet=said.get("kubeletVersion", ""),
        runtime=said.get("containerRuntimeVersion", ""),
        kernel=said.get("kernelVersion", ""),
        cpu=status.get("allocatable", {}).get("cpu", ""),
        emulated=emulated,
        clock=clock,
    )
