"""Four witnesses of what runs: what was asked for, the node, the runtime, the process itself."""

from dataclasses import replace

import pytest

from lab.targets.cluster.identity import doubts
from lab.targets.cluster.rollout import PodView, Row

DIGEST = "sha256:" + "a" * 64
OTHER = "sha256:" + "b" * 64
IMAGE = f"198.18.0.1:5000/process-worker@{DIGEST}"
POD = PodView("worker-1", "process-worker", "r3", IMAGE, IMAGE, ready=True, restarts=0, doing="Running")
NODES = {"clus1": "amd64", "r3": "arm64"}


def row(pod: PodView) -> Row:
    """An arm64 Deployment with one pod."""
    return Row("process-worker-arm64", "process-worker", "arm64", 1, 1, settled=True, pods=(pod,), trouble="")


def test_witnesses_that_agree_leave_no_doubt() -> None:
    """Asked or not yet asked."""
    assert doubts([row(POD)], nodes=NODES, said={"worker-1": "aarch64"}) == ()
    assert doubts([row(POD)], nodes=NODES, said={}) == ()


def test_a_pod_that_is_leaving_is_not_asked() -> None:
    """After a cure the wrong one still drains."""
    leaving = replace(POD, image="198.18.0.1:5000/process-worker:latest", ready=False, doing="Terminating")
    assert doubts([row(leaving)], nodes=NODES, said={}) == ()


@pytest.mark.parametrize(
    ("pod", "machine", "reason"),
    [
        (replace(POD, image="198.18.0.1:5000/process-worker:latest"), "aarch64", "not pinned"),
        (replace(POD, node="clus1"), "aarch64", "it is on clus1, which is amd64"),
        (replace(POD, image_id=f"198.18.0.1:5000/process-worker@{OTHER}"), "aarch64", f"the node runs {OTHER}"),
        (replace(POD, image_id=""), "aarch64", "the node runs nothing"),
        (POD, "x86_64", "the process says x86_64, wanted was aarch64"),
    ],
    ids=["tag", "node", "digest", "not-started", "silent-wrong-architecture"],
)
def test_each_witness_can_raise_a_doubt(pod: PodView, machine: str, reason: str) -> None:
    """The last is the failure that nothing else shows: running, ready, and the wrong program."""
    [doubt] = doubts([row(pod)], nodes=NODES, said={"worker-1": machine})
    assert doubt.pod == "worker-1"
    assert reason in doubt.reason
