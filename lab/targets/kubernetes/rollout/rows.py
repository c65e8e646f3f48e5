"""Reads the state of a rollout from what the API has of a stack. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from lab.model import RolloutRow
from lab.snapshots.kubernetes import ARCHITECTURE_LABEL, NAME_LABEL, Event, KubernetesObject, Pod, Raw
from lab.targets.kubernetes.rollout.events import newest_event, newest_warning
from lab.targets.kubernetes.rollout.pods import PodView, pod_view


@dataclass(frozen=True, slots=True)
class Row:
    """The state of one Deployment in a rollout.

    Attributes:
        deployment: Name of the Deployment.
        service: What runs in its pods.
        architecture: Architecture of the nodes that its pods may run on; empty for any.
        wanted: Number of pods that are wanted.
        ready: Number of pods that are ready.
        rolled_out: What `kubectl rollout status` waits for: the newest template is observed, every wanted pod has it
            and is available, and no pod of an older template is left.
        pods: Pods in order of their names.
        warning: Newest warning about the Deployment; empty where there is none.
        image: Image that its template names.
        age_s: Seconds since the Deployment was created.
        event: Newest event of the Deployment, in a few words.
    """

    deployment: str
    service: str
    architecture: str
    wanted: int
    ready: int
    rolled_out: bool
    pods: tuple[PodView, ...]
    warning: str
    image: str = ""
    age_s: float = 0.0
    event: str = ""


def rows(deployments: Sequence[Raw], pods: Sequence[Raw], events: Sequence[Raw], *, now: datetime) -> tuple[Row, ...]:
    """Return a row for every Deployment, in order of their names.

    Args:
        deployments: Deployments as the API returns them.
        pods: Pods as the API returns them.
        events: Events as the API returns them.
        now: Ages count to this time.
    """
    views = sorted((KubernetesObject(deployment) for deployment in deployments), key=lambda view: view.name)
    all_pods, all_events = [Pod(pod) for pod in pods], [Event(event) for event in events]
    return tuple(_row(view, all_pods, all_events, now) for view in views)


def rollout_row(row: Row, machines: Mapping[str, str]) -> RolloutRow:
    """Return a row for the display.

    Args:
        row: State of a Deployment.
        machines: Pod → machine as the pod's process reports it; empty before the processes are asked.
    """
    return RolloutRow(
        name=row.deployment,
        service=row.service,
        architecture=row.architecture,
        nodes=tuple(sorted({pod.node for pod in row.pods if pod.node})),
        ready=row.ready,
        wanted=row.wanted,
        image=row.image,
        says=tuple(sorted({machines[pod.name] for pod in row.pods if machines.get(pod.name)})),
        age_s=row.age_s,
        event=row.event,
    )


def _row(deployment: KubernetesObject, pods: Sequence[Pod], events: Sequence[Event], now: datetime) -> Row:
    wanted = int(deployment.spec.get("replicas", 1))
    labels = deployment.spec["selector"]["matchLabels"]
    own = [pod for pod in pods if labels.items() <= pod.labels.items()]
    template = deployment.spec["template"]
    created = deployment.created_at
    return Row(
        deployment=deployment.name,
        service=template["metadata"]["labels"].get(NAME_LABEL, ""),
        architecture=template["spec"].get("nodeSelector", {}).get(ARCHITECTURE_LABEL, ""),
        wanted=wanted,
        ready=int(deployment.status.get("readyReplicas", 0)),
        rolled_out=_rolled_out(deployment, wanted),
        pods=tuple(sorted((pod_view(pod.raw) for pod in own), key=lambda view: view.name)),
        warning=newest_warning(deployment, own, events),
        image=next((container["image"] for container in template["spec"].get("containers", ())), ""),
        age_s=max(0.0, (now - datetime.fromisoformat(created)).total_seconds()) if created else 0.0,
        event=newest_event(deployment, own, events, now=now),
    )


def _rolled_out(deployment: KubernetesObject, wanted: int) -> bool:
    status = deployment.status
    return bool(
        status.get("observedGeneration", 0) >= deployment.raw["metadata"].get("generation", 0)
        and status.get("updatedReplicas", 0) == wanted
        and status.get("availableReplicas", 0) == wanted
        and status.get("replicas", 0) == wanted
    )
