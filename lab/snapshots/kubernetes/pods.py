"""Pods: where one runs, what created it, its containers."""

from collections.abc import Mapping

from lab.snapshots.kubernetes.containers import Container
from lab.snapshots.kubernetes.nodes import Node
from lab.snapshots.kubernetes.objects import NAME_LABEL, KubernetesObject


class Pod(KubernetesObject):
    """A pod."""

    @property
    def ref(self) -> str:
        """Kind and name."""
        return f"Pod/{self.name}"

    @property
    def phase(self) -> str:
        """Pending, Running, Succeeded, Failed, Unknown."""
        return str(self.status.get("phase", ""))

    @property
    def node(self) -> str:
        """Name of its node; empty before it was placed."""
        return str(self.spec.get("nodeName", ""))

    @property
    def service(self) -> str:
        """Name of its service; empty for a pod of no service."""
        return self.labels.get(NAME_LABEL, "")

    @property
    def selector(self) -> Mapping[str, str]:
        """Labels that its node must have."""
        return self.spec.get("nodeSelector") or {}

    def selects(self, node: Node) -> bool:
        """Return whether a node has the labels that this pod asks for."""
        return all(node.labels.get(key) == value for key, value in self.selector.items())

    @property
    def owner(self) -> str:
        """Name of the object that created it; empty for a pod without an owner."""
        return next((str(owner["name"]) for owner in self.raw["metadata"].get("ownerReferences") or ()), "")

    @property
    def workload(self) -> str:
        """The workload that created it, as kind/name, which is where a fault is cured; else the pod itself."""
        if not self.owner:
            return self.ref
        kind = self.raw["metadata"]["ownerReferences"][0]["kind"]
        return f"Deployment/{self.owner.rpartition('-')[0]}" if kind == "ReplicaSet" else f"{kind}/{self.owner}"

    @property
    def is_ready(self) -> bool:
        """Whether all its containers pass their readiness probes."""
        return all(container.is_ready for container in self.containers)

    @property
    def containers(self) -> tuple[Container, ...]:
        """Its init containers, then its app containers."""
        return (*self.init_containers, *self.app_containers)

    @property
    def init_containers(self) -> tuple[Container, ...]:
        """The containers that are started before the app containers."""
        return self._containers("initContainers", "initContainerStatuses")

    @property
    def app_containers(self) -> tuple[Container, ...]:
        """The containers that the pod is there for."""
        return self._containers("containers", "containerStatuses")

    def _containers(self, specs: str, statuses: str) -> tuple[Container, ...]:
        by_name = {status["name"]: status for status in self.status.get(statuses) or ()}
        return tuple(Container(spec, by_name.get(spec["name"], {})) for spec in self.spec.get(specs) or ())
