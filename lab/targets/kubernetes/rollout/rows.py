"""How far a rollout is, read from deployments, pods and events as the API has them; pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, NamedTuple

from lab.model import RolloutRow
from lab.targets.kubernetes.objects import NAME_LABEL
from lab.targets.kubernetes.rollout.events import latest, trouble

ARCHITECTURE: Final = "kubernetes.io/arch"
Object = Mapping[str, Any]


class First(NamedTuple):
    """A container that has to end well before the service starts, and how often it was started again."""

    name: str
    restarts: int


@dataclass(frozen=True, slots=True)
class PodView:
    """One pod of ours.

    Attributes:
        name: Of the pod.
        service: What runs in it.
        node: Where, empty while it waits for a place.
        image: What was asked for.
        image_id: What the node runs: repository and digest.
        ready: Whether its readiness probe passes.
        restarts: How often its container was started again.
        doing: In a word or two: `Running`, or why not.
        first: The containers that run before it, in their order.
    """

    name: str
    service: str
    node: str
    image: str
    image_id: str
    ready: bool
    restarts: int
    doing: str
    first: tuple[First, ...] = ()


@dataclass(frozen=True, slots=True)
class Row:
    """One Deployment: what is wanted, what there is.

    `settled` means what `kubectl rollout status` waits for: the newest template is seen, every wanted pod has it and is
    available, none of an older one is left. `image` is what its template names, `age_s` counts from its creation,
    `event` is the newest thing that happened to it.
    """

    deployment: str
    service: str
    architecture: str
    wanted: int
    ready: int
    rolled_out: bool
    pods: tuple[PodView, ...]
    trouble: str
    image: str = ""
    age_s: float = 0.0
    event: str = ""


def rows(
    deployments: Sequence[Object], pods: Sequence[Object], events: Sequence[Object], *, now: datetime
) -> tuple[Row, ...]:
    """A row for every Deployment, in order of its name."""
    return tuple(
        _row(deployment, pods, events, now)
        for deployment in sorted(deployments, key=lambda one: one["metadata"]["name"])
    )


def shown(row: Row, said: Mapping[str, str]) -> RolloutRow:
    """A row as somebody who waits is shown it; *said* tells pod → machine by the process's own word."""
    return RolloutRow(
        name=row.deployment,
        service=row.service,
        architecture=row.architecture,
        nodes=tuple(sorted({pod.node for pod in row.pods if pod.node})),
        ready=row.ready,
        wanted=row.wanted,
        image=row.image,
        says=tuple(sorted({said[pod.name] for pod in row.pods if said.get(pod.name)})),
        age_s=row.age_s,
        event=row.event,
    )


def pod_view(pod: Object) -> PodView:
    """What matters of a pod; its first container is the service."""
    container = pod["spec"]["containers"][0]
    statuses = pod.get("status", {}).get("containerStatuses") or [{}]
    status = next((one for one in statuses if one.get("name") == container["name"]), statuses[0])
    return PodView(
        name=pod["metadata"]["name"],
        service=pod["metadata"].get("labels", {}).get(NAME_LABEL, ""),
        node=pod["spec"].get("nodeName", ""),
        image=container.get("image", ""),
        image_id=status.get("imageID", ""),
        ready=bool(status.get("ready")) and _can_be_asked(pod),
        restarts=int(status.get("restartCount", 0)),
        doing=_doing(pod, status),
        first=tuple(_first(pod)),
    )


def _first(pod: Object) -> Iterator[First]:
    statuses = {one.get("name"): one for one in pod.get("status", {}).get("initContainerStatuses") or ()}
    for container in pod["spec"].get("initContainers") or ():
        yield First(container["name"], int(statuses.get(container["name"], {}).get("restartCount", 0)))


def _can_be_asked(pod: Object) -> bool:
    """Neither leaving nor on a node that fell silent: of such a one the container stays as it was, the pod does not."""
    conditions = pod.get("status", {}).get("conditions") or ()
    not_ready = any(one["type"] == "Ready" and one["status"] != "True" for one in conditions)
    return not not_ready and "deletionTimestamp" not in pod["metadata"]


def digest_of(reference: str) -> str:
    """The digest in a reference or an image id; empty where there is none.

    >>> digest_of("198.18.0.1:5000/ingest-api@sha256:ab12")
    'sha256:ab12'
    """
    return reference.rpartition("@")[2] if "@sha256:" in reference else ""


def _row(deployment: Object, pods: Sequence[Object], events: Sequence[Object], now: datetime) -> Row:
    spec, status = deployment["spec"], deployment.get("status", {})
    wanted = int(spec.get("replicas", 1))
    labels = spec["selector"]["matchLabels"]
    own = [pod for pod in pods if labels.items() <= pod["metadata"].get("labels", {}).items()]
    template = spec["template"]
    created = deployment["metadata"].get("creationTimestamp")
    return Row(
        deployment=deployment["metadata"]["name"],
        service=template["metadata"]["labels"].get(NAME_LABEL, ""),
        architecture=template["spec"].get("nodeSelector", {}).get(ARCHITECTURE, ""),
        wanted=wanted,
        ready=int(status.get("readyReplicas", 0)),
        rolled_out=_rolled_out(deployment, wanted),
        pods=tuple(sorted((pod_view(pod) for pod in own), key=lambda view: view.name)),
        trouble=trouble(deployment, own, events),
        image=next((one["image"] for one in template["spec"].get("containers", ())), ""),
        age_s=max(0.0, (now - datetime.fromisoformat(created)).total_seconds()) if created else 0.0,
        event=latest(deployment, own, events, now=now),
    )


def _rolled_out(deployment: Object, wanted: int) -> bool:
    status = deployment.get("status", {})
    return bool(
        status.get("observedGeneration", 0) >= deployment["metadata"].get("generation", 0)
        and status.get("updatedReplicas", 0) == wanted
        and status.get("availableReplicas", 0) == wanted
        and status.get("replicas", 0) == wanted
    )


def _doing(pod: Object, status: Object) -> str:
    if "deletionTimestamp" in pod["metadata"]:
        return "Terminating"
    for first in pod.get("status", {}).get("initContainerStatuses", ()):
        state = first.get("state", {})
        ended = state.get("terminated", {})
        if "waiting" in state or ended.get("exitCode", 0):
            return f"Init:{(state.get('waiting') or ended).get('reason', 'Error')}"
    state = status.get("state", {})
    for kind in ("waiting", "terminated"):
        if kind in state:
            return str(state[kind].get("reason", kind))
    return str(pod.get("status", {}).get("phase", "Unknown"))
