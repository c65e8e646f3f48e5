"""How far a rollout is, from what the API says of deployments, pods and events."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from lab.targets.kubernetes.rollout.rows import PodView, digest_of, pod_view, rows

IMAGE = "198.18.0.1:5000/process-worker@sha256:" + "a" * 64
NOW = datetime(2026, 11, 25, 2, 0, 20, tzinfo=UTC)
LABELS = {"app.kubernetes.io/name": "process-worker", "app.kubernetes.io/arch": "arm64"}


def deployment(**status: int) -> dict[str, Any]:
    """A Deployment of two replicas on arm64, rolled out unless its status says otherwise."""
    done = {"observedGeneration": 3, "replicas": 2, "updatedReplicas": 2, "availableReplicas": 2, "readyReplicas": 2}
    template = {"metadata": {"labels": LABELS}, "spec": {"nodeSelector": {"kubernetes.io/arch": "arm64"}}}
    return {
        "metadata": {"name": "process-worker-arm64", "uid": "d", "generation": 3},
        "spec": {"replicas": 2, "selector": {"matchLabels": LABELS}, "template": template},
        "status": done | status,
    }


def pod(name: str = "worker-1", *, state: dict[str, Any] | None = None, ready: bool = True) -> dict[str, Any]:
    """A pod of it."""
    status = {
        "name": "process-worker",
        "state": state or {"running": {}},
        "ready": ready,
        "restartCount": 0,
        "imageID": IMAGE,
    }
    return {
        "metadata": {"name": name, "uid": name, "labels": LABELS},
        "spec": {"nodeName": "r3", "containers": [{"name": "process-worker", "image": IMAGE}]},
        "status": {"phase": "Running", "containerStatuses": [status]},
    }


def warning(uid: str, message: str, *, at: str) -> dict[str, Any]:
    """A warning about an object."""
    return {
        "type": "Warning",
        "reason": "Failed",
        "message": message,
        "lastTimestamp": at,
        "involvedObject": {"uid": uid},
    }


def test_a_rollout_is_settled_when_every_wanted_pod_has_the_newest_template() -> None:
    """With its architecture, its pods, and nothing to complain about."""
    [row] = rows([deployment()], [pod("b"), pod("a")], [], now=NOW)
    assert (row.service, row.architecture, row.wanted, row.ready) == ("process-worker", "arm64", 2, 2)
    assert row.rolled_out
    assert [view.name for view in row.pods] == ["a", "b"]
    assert row.trouble == ""


@pytest.mark.parametrize(
    "status",
    [{"observedGeneration": 2}, {"updatedReplicas": 1}, {"availableReplicas": 1}, {"replicas": 3}],
    ids=["template-not-seen", "old-pods-wanted", "not-available", "old-pods-left"],
)
def test_a_rollout_under_way_is_not_settled(status: dict[str, int]) -> None:
    """Whatever is missing."""
    [row] = rows([deployment(**status)], [pod()], [], now=NOW)
    assert not row.rolled_out


def test_a_pod_says_why_it_does_not_run() -> None:
    """The reason of its container, in the node's own word."""
    waiting = pod(state={"waiting": {"reason": "ImagePullBackOff", "message": "…"}}, ready=False)
    assert pod_view(waiting).doing == "ImagePullBackOff"
    assert not pod_view(waiting).ready
    unplaced = {"metadata": {"name": "p"}, "spec": {"containers": [{"name": "x"}]}, "status": {"phase": "Pending"}}
    assert pod_view(unplaced) == PodView("p", "", "", "", "", ready=False, restarts=0, doing="Pending")


def test_a_pod_that_cannot_begin_says_so() -> None:
    """What runs before the service failed: the store is not fit, for example."""
    failed = pod(ready=False)
    failed["status"]["initContainerStatuses"] = [{"state": {"waiting": {"reason": "CrashLoopBackOff"}}}]
    assert pod_view(failed).doing == "Init:CrashLoopBackOff"
    failed["status"]["initContainerStatuses"] = [{"state": {"terminated": {"reason": "Completed", "exitCode": 0}}}]
    assert pod_view(failed).doing == "Running"


def test_a_pod_that_ends_is_not_ready() -> None:
    """Whatever its probe said last."""
    ending = pod()
    ending["metadata"]["deletionTimestamp"] = "2026-11-25T02:00:00Z"
    assert pod_view(ending) == replace(pod_view(pod()), ready=False, doing="Terminating")


def test_the_newest_warning_about_a_rollout_is_its_trouble() -> None:
    """About the deployment or a pod of it; others' warnings are others'."""
    events = [
        warning("worker-1", "old", at="2026-11-25T02:00:00Z"),
        warning("worker-1", "new", at="2026-11-25T02:00:09Z"),
        warning("somebody", "newer", at="2026-11-25T02:00:10Z"),
    ]
    [row] = rows([deployment()], [pod()], events, now=NOW)
    assert row.trouble == "Failed: new"


def test_a_reference_without_a_digest_has_none() -> None:
    """A tag is no digest."""
    assert digest_of(IMAGE) == "sha256:" + "a" * 64
    assert digest_of("198.18.0.1:5000/process-worker:latest") == ""


def test_a_pod_on_a_node_that_fell_silent_is_not_ready() -> None:
    """Its container is as the node said it last; its condition is what the control plane makes of that."""
    silent = pod()
    silent["status"]["conditions"] = [{"type": "Ready", "status": "False"}]
    assert not pod_view(silent).ready
