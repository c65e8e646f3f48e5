"""Shows a pod as a rollout does. Pure."""

from dataclasses import dataclass
from typing import Final, NamedTuple

from lab.snapshots.kubernetes import Pod, Raw

TERMINATING: Final = "Terminating"


class InitContainer(NamedTuple):
    """A container that must succeed before the service starts, and its number of restarts."""

    name: str
    restarts: int


@dataclass(frozen=True, slots=True)
class PodView:
    """A pod as a rollout shows it.

    Attributes:
        name: Name of the pod.
        service: What runs in the pod.
        node: Name of the node; empty while the pod waits for a node.
        image: Image that was requested.
        image_id: Repository and digest that the node runs.
        ready: Whether the service's readiness probe passes and the process can be asked.
        restarts: Number of restarts of the service's container.
        state: `Running`, or why the service does not run: `Pending`, `ImagePullBackOff`, `Init:Error`, `Terminating`.
        init_containers: Containers that run before the service, in order.
    """

    name: str
    service: str
    node: str
    image: str
    image_id: str
    ready: bool
    restarts: int
    state: str
    init_containers: tuple[InitContainer, ...] = ()

    @property
    def is_terminating(self) -> bool:
        """Whether the pod was deleted and is still there."""
        return self.state == TERMINATING


def pod_view(raw: Raw) -> PodView:
    """Return a pod as a rollout shows it. The first container is the service."""
    pod = Pod(raw)
    service = pod.app_containers[0]
    return PodView(
        name=pod.name,
        service=pod.service,
        node=pod.node,
        image=service.image,
        image_id=service.image_id,
        ready=service.is_ready and _can_be_asked(pod),
        restarts=service.restarts,
        state=_state(pod),
        init_containers=tuple(InitContainer(container.name, container.restarts) for container in pod.init_containers),
    )


def _can_be_asked(pod: Pod) -> bool:
    """Return whether a pod is neither terminating nor on a silent node.

    The containers of such a pod keep their last status; its condition Ready does not.
    """
    return not pod.is_terminating and pod.condition("Ready").status in {"", "True"}


def _state(pod: Pod) -> str:
    if pod.is_terminating:
        return TERMINATING
    for container in pod.init_containers:
        if container.waiting.reason:
            return f"Init:{container.waiting.reason}"
        if container.terminated.exit_code:
            return f"Init:{container.terminated.reason}"
    service = pod.app_containers[0]
    return service.waiting.reason or service.terminated.reason or pod.phase or "Unknown"
