"""What a record says of a cluster's nodes."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from lab.model import NodeClock, ServiceStatus

NAMES: Final = {
    "architecture": "architecture",
    "kubelet": "kubeletVersion",
    "runtime": "containerRuntimeVersion",
    "kernel": "kernelVersion",
}
"""Our name → the API's, below `status.nodeInfo`."""


def node_facts(
    nodes: Sequence[Mapping[str, Any]], statuses: Sequence[ServiceStatus], clocks: Sequence[NodeClock]
) -> Mapping[str, Mapping[str, object]]:
    """Node → what it is, of the nodes that processes of ours run on.

    Args:
        nodes: As the API has them.
        statuses: What our processes say of themselves.
        clocks: Of the nodes, beside the lab's.
    """
    used = {one.node for one in statuses if one.node}
    emulated = {one.node for one in statuses if one.emulated}
    clock = {one.node: _clock(one) for one in clocks}
    found = {one["metadata"]["name"]: one["status"] for one in nodes}
    return {
        name: {ours: status["nodeInfo"].get(theirs, "") for ours, theirs in NAMES.items()}
        | {"cpu": status.get("allocatable", {}).get("cpu", ""), "emulated": name in emulated}
        | {"clock": clock.get(name)}
        for name, status in sorted(found.items())
        if name in used
    }


def _clock(clock: NodeClock) -> Mapping[str, float]:
    return {"offset_ms": round(1e3 * clock.offset_s, 3), "error_ms": round(1e3 * clock.error_s, 3)}
