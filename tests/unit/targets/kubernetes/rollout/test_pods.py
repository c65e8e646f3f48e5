"""A pod is shown as it is: ready, or why not."""

from dataclasses import replace

from lab.targets.kubernetes.rollout.pods import PodView, pod_view
from tests.unit.targets.kubernetes.samples import pod


def test_a_pod_says_why_it_does_not_run() -> None:
    """By the reason of its container, as the node reports it."""
    waiting = pod(state={"waiting": {"reason": "ImagePullBackOff", "message": "…"}}, ready=False)
    assert pod_view(waiting).state == "ImagePullBackOff"
    assert not pod_view(waiting).ready
    unplaced = {"metadata": {"name": "p"}, "spec": {"containers": [{"name": "x"}]}, "status": {"phase": "Pending"}}
    assert pod_view(unplaced) == PodView("p", "", "", "", "", ready=False, restarts=0, state="Pending")


def test_a_pod_whose_init_container_fails_says_so() -> None:
    """For example because the store does not fit."""
    failing = pod(ready=False)
    failing["spec"]["initContainers"] = [{"name": "bootstrap"}]
    states = {
        "Init:CrashLoopBackOff": {"waiting": {"reason": "CrashLoopBackOff"}},
        "Init:Error": {"terminated": {"reason": "Error", "exitCode": 1}},
        "Running": {"terminated": {"reason": "Completed", "exitCode": 0}},
    }
    for shown, state in states.items():
        failing["status"]["initContainerStatuses"] = [{"name": "bootstrap", "state": state}]
        assert pod_view(failing).state == shown


def test_a_terminating_pod_is_not_ready() -> None:
    """Whatever its probe reported last."""
    terminating = pod()
    terminating["metadata"]["deletionTimestamp"] = "2026-11-25T02:00:00Z"
    assert pod_view(terminating) == replace(pod_view(pod()), ready=False, state="Terminating")
    assert pod_view(terminating).is_terminating


def test_a_pod_on_a_silent_node_is_not_ready() -> None:
    """The container keeps the status that the node reported last; the control plane changes the pod's condition."""
    silent = pod()
    silent["status"]["conditions"] = [{"type": "Ready", "status": "False"}]
    assert not pod_view(silent).ready
