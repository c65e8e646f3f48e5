"""A node tells what runs on it and whether it may."""

import pytest

from lab.snapshots.kubernetes import Node
from tests.unit.diagnosis.builders import node


@pytest.mark.parametrize(
    ("conditions", "ready"),
    [
        ([{"type": "Ready", "status": "True"}], True),
        ([{"type": "Ready", "status": "False"}], False),
        ([{"type": "Ready", "status": "Unknown"}], False),
        ([{"type": "DiskPressure", "status": "True"}], False),
        ([], False),
    ],
    ids=["true", "false", "unknown", "other", "none"],
)
def test_a_node_is_ready_only_by_its_own_word(conditions: list[dict[str, str]], *, ready: bool) -> None:
    """A node without the condition is not ready."""
    board = node("arm64")
    board["status"]["conditions"] = conditions
    assert Node(board).is_ready is ready
    assert Node({"metadata": {"name": "new"}}).is_ready is False


@pytest.mark.parametrize(
    ("version", "labels", "unit"),
    [
        ("v1.34.4", {}, "kubelet"),
        ("v1.34.4+k3s1", {}, "k3s-agent"),
        ("v1.34.4+k3s1", {"node-role.kubernetes.io/control-plane": "true"}, "k3s"),
        ("v1.34.4+rke2r1", {}, "rke2-agent"),
        ("v1.34.4+rke2r1", {"node-role.kubernetes.io/control-plane": "true"}, "rke2-server"),
    ],
)
def test_a_kubelet_runs_in_the_unit_of_its_distribution(version: str, labels: dict[str, str], unit: str) -> None:
    """k3s and rke2 have another unit on a server."""
    board = node("arm64")
    board["metadata"]["labels"] |= labels
    board["status"]["nodeInfo"]["kubeletVersion"] = version
    assert Node(board).service == unit


def test_a_taint_that_only_advises_keeps_no_pod_away() -> None:
    """The scheduler may place pods there all the same."""
    board = node("arm64")
    keeping = {"key": "board", "effect": "NoSchedule"}
    board["spec"]["taints"] = [keeping, {"key": "slow", "effect": "PreferNoSchedule"}]
    assert Node(board).taints == (keeping,)


def test_what_pods_may_request_is_a_number() -> None:
    """A resource that the node does not have is 0."""
    assert (Node(node("arm64")).allocatable("memory"), Node(node("arm64")).allocatable("gpu")) == (4038616 * 1024, 0.0)
