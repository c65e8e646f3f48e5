"""Four witnesses of what runs: what was asked for, the node, the runtime, the process itself."""

from dataclasses import replace

import pytest

from lab.targets.kubernetes.rollout.identity import Doubt, Holds, doubts
from lab.targets.kubernetes.rollout.rows import PodView, Row

DIGEST = "sha256:" + "a" * 64
OTHER = "sha256:" + "b" * 64
IMAGE = f"198.18.0.1:5000/process-worker@{DIGEST}"
POD = PodView("worker-1", "process-worker", "r3", IMAGE, IMAGE, ready=True, restarts=0, doing="Running")
NODES = {"clus1": "amd64", "r3": "arm64"}


def row(pod: PodView) -> Row:
    """An arm64 Deployment with one pod."""
    return Row("process-worker-arm64", "process-worker", "arm64", 1, 1, rolled_out=True, pods=(pod,), trouble="")


def found(pod: PodView, machine: str = "", *, holds: Holds = lambda *_: False) -> tuple[Doubt, ...]:
    """What is doubted of one pod, whose process says *machine* if it was asked."""
    said = {pod.name: machine} if machine else {}
    return doubts([row(pod)], nodes=NODES, said=said, holds=holds)


def test_witnesses_that_agree_leave_no_doubt() -> None:
    """Asked or not yet asked."""
    assert found(POD, "aarch64") == ()
    assert found(POD) == ()


def test_a_pod_that_is_leaving_is_not_asked() -> None:
    """After a cure the wrong one still drains."""
    leaving = replace(POD, image="198.18.0.1:5000/process-worker:latest", ready=False, doing="Terminating")
    assert found(leaving) == ()


def test_an_image_that_its_node_calls_by_the_index_is_the_one_that_was_pinned() -> None:
    """It pulled the index before; what an index does not hold is another image."""
    called = replace(POD, image_id=f"198.18.0.1:5000/process-worker@{OTHER}")
    assert found(called, holds=lambda index, digest: (index, digest) == (called.image_id, DIGEST)) == ()
    assert len(found(called, holds=lambda *_: False)) == 1
    assert len(found(replace(POD, image_id=""), holds=lambda *_: True)) == 1


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
    [doubt] = found(pod, machine)
    assert doubt.pod == "worker-1"
    assert reason in doubt.reason
