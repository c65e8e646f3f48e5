"""A Deployment of process-worker on arm64: its pods and events as the API has them, and as a rollout shows them."""

from typing import Any, Final

from lab.snapshots.kubernetes import NAME_LABEL, STACK_LABEL
from lab.targets.kubernetes.objects import APP_ARCHITECTURE_LABEL
from lab.targets.kubernetes.rollout.pods import PodView
from lab.targets.kubernetes.rollout.rows import Row

IMAGE: Final = "198.18.0.1:5000/process-worker@sha256:" + "a" * 64
LABELS: Final = {NAME_LABEL: "process-worker", APP_ARCHITECTURE_LABEL: "arm64"}
OF_THE_STACK: Final = {STACK_LABEL: "lab"}
"""Label of every object of a stack."""
POD: Final = PodView("worker-1", "process-worker", "r3", IMAGE, IMAGE, ready=True, restarts=0, state="Running")


def row(pod: PodView) -> Row:
    """Return the row of an arm64 Deployment with one pod."""
    return Row("process-worker-arm64", "process-worker", "arm64", 1, 1, rolled_out=True, pods=(pod,), warning="")


def deployment(**status: int) -> dict[str, Any]:
    """Return a Deployment of two replicas on arm64, rolled out unless its status says otherwise."""
    complete = {
        "observedGeneration": 3,
        "replicas": 2,
        "updatedReplicas": 2,
        "availableReplicas": 2,
        "readyReplicas": 2,
    }
    template = {"metadata": {"labels": LABELS}, "spec": {"nodeSelector": {"kubernetes.io/arch": "arm64"}}}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "process-worker-arm64", "uid": "d", "generation": 3, "labels": OF_THE_STACK},
        "spec": {"replicas": 2, "selector": {"matchLabels": LABELS}, "template": template},
        "status": complete | status,
    }


def pod(name: str = "worker-1", *, state: dict[str, Any] | None = None, ready: bool = True) -> dict[str, Any]:
    """Return a pod of that Deployment."""
    status = {
        "name": "process-worker",
        "state": state or {"running": {}},
        "ready": ready,
        "restartCount": 0,
        "imageID": IMAGE,
    }
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "uid": name, "labels": LABELS | OF_THE_STACK},
        "spec": {"nodeName": "r3", "containers": [{"name": "process-worker", "image": IMAGE}]},
        "status": {"phase": "Running", "containerStatuses": [status]},
    }


def warning(uid: str, message: str, *, at: str) -> dict[str, Any]:
    """Return a warning about an object."""
    return {
        "metadata": {"name": f"{uid}.1"},
        "type": "Warning",
        "reason": "Failed",
        "message": message,
        "lastTimestamp": at,
        "involvedObject": {"uid": uid},
    }
