"""Pods that fit no node, in their variants: requests, taints, labels, volumes."""

import copy
from collections.abc import Callable

import pytest

from tests.unit.diagnosis.builders import (
    NAMESPACE,
    Object,
    bare,
    healthy,
    node,
    pod,
    respecified,
    unplaced,
    with_objects,
    with_pod,
)
from tests.unit.diagnosis.faulty import volume_pins_pod
from tests.unit.diagnosis.findings import only


@pytest.mark.parametrize(
    ("resource", "requested", "offered"),
    [("memory", "6Gi", "1971Mi"), ("cpu", "4", "1000m"), ("cpu", "100m", "50m")],
)
def test_a_request_that_fits_is_offered(resource: str, requested: str, offered: str) -> None:
    """It is half of what is left on a node, or of the request: pods of other namespaces are not seen."""
    reason = f"0/2 nodes are available: 1 Insufficient {resource}, 1 node(s) didn't match Pod's node affinity/selector."
    worker = unplaced(respecified(pod(), resources={"requests": {resource: requested}}), reason)
    finding = only(with_pod(healthy(), worker))
    assert finding.do.endswith(f"set resources deployment/process-worker-arm64 --requests={resource}={offered}")


def cordoned(board: Object) -> None:
    """Leave a node as `kubectl drain` does."""
    board["spec"] |= {"unschedulable": True}
    board["spec"]["taints"] = [{"key": "node.kubernetes.io/unschedulable", "effect": "NoSchedule"}]


def tainted(board: Object) -> None:
    """Keep a node for another purpose, as an administrator does."""
    board["spec"]["taints"] = [{"key": "board", "value": "slow", "effect": "NoSchedule"}]


def of_another_kind(board: Object) -> None:
    """Give a node an architecture that no pod asks for."""
    board["metadata"]["labels"]["kubernetes.io/arch"] = "riscv64"


@pytest.mark.parametrize(
    ("change", "reason", "do"),
    [
        (cordoned, "1 node(s) were unschedulable", "kubectl uncordon r3"),
        (tainted, "1 node(s) had untolerated taint(s)", '"tolerations":[{"key":"board","operator":"Exists"'),
        (
            of_another_kind,
            "2 node(s) didn't match Pod's node affinity/selector",
            "scale deployment/process-worker-arm64",
        ),
    ],
)
def test_a_node_that_takes_no_pods(change: Callable[[Object], None], reason: str, do: str) -> None:
    """Taints and labels of the node tell why; the scheduler's message names none of them."""
    board = node("arm64")
    change(board)
    snapshot = with_objects(healthy(), nodes=(node("amd64"), board))
    assert do in only(with_pod(snapshot, unplaced(pod(), f"0/2 nodes are available: {reason}."))).do


def test_a_volume_of_a_pod_without_a_workload_is_cured_by_replacing_the_pod() -> None:
    """A pod's volumes are immutable. The API server's copy is used, since the snapshot has no secrets."""
    snapshot = volume_pins_pod()
    pinned = next(raw for raw in snapshot.objects.pods if "nodeName" not in raw["spec"])
    finding = only(with_objects(snapshot, pods=(bare(copy.deepcopy(dict(pinned)), "solo"),)))
    change = '[{"op":"replace","path":"/spec/volumes/0","value":{"name":"cache","emptyDir":{"sizeLimit":"256Mi"}}}]'
    patch = f"kubectl -n {NAMESPACE} patch pod/solo --type=json -p '{change}' --dry-run=client -o json"
    assert finding.do == f"{patch} | kubectl replace --force -f -"
