"""A record describes nodes by what the API and the processes report."""

from typing import Any

from lab.model import NodeClock, ServiceStatus
from lab.targets.kubernetes.nodes import ClockFacts, NodeFacts, node_facts


def node(name: str, architecture: str) -> dict[str, Any]:
    """Return a node as the API has it."""
    info = {"architecture": architecture, "kubeletVersion": "v1.34.4", "containerRuntimeVersion": "containerd://1.6.20"}
    node_info = info | {"kernelVersion": "6.1"}
    return {"metadata": {"name": name}, "status": {"nodeInfo": node_info, "allocatable": {"cpu": "3500m"}}}


def status(node: str, *, machine: str, cpu: str) -> ServiceStatus:
    """Return what a process on a node reports."""
    return ServiceStatus("ingest-api", "", healthy=True, host_architecture=machine, cpu_architecture=cpu, node=node)


def test_a_node_is_described_with_its_clock() -> None:
    """Versions, allocatable cores as Kubernetes writes them, milliseconds; nodes without a process are left out."""
    statuses = [status("big", machine="x86_64", cpu="x86_64")]
    nodes = [node("big", "amd64"), node("idle", "amd64")]
    assert node_facts(nodes, statuses, [NodeClock("big", -3.0, 0.0125, 8)]) == {
        "big": NodeFacts(
            architecture="amd64",
            kubelet="v1.34.4",
            runtime="containerd://1.6.20",
            kernel="6.1",
            cpu="3500m",
            emulated=False,
            clock=ClockFacts(offset_ms=-3000.0, error_ms=12.5),
        )
    }


def test_an_emulated_node_is_marked_and_an_unknown_clock_is_none() -> None:
    """Where no process answered in time there is no figure."""
    facts = node_facts([node("r3", "arm64")], [status("r3", machine="aarch64", cpu="x86_64")], [])
    assert (facts["r3"].emulated, facts["r3"].clock) == (True, None)
