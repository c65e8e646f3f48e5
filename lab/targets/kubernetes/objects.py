"""Kubernetes objects as values: what identifies one, and which comes before which."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

MANAGED_BY: Final = "app.kubernetes.io/managed-by"
MANAGER: Final = "observability-lab"
PART_OF: Final = "app.kubernetes.io/part-of"
STACK_LABEL: Final = "lab.observability/stack"
CONFIG_ANNOTATION: Final = "lab.observability/config-hash"
ARCHITECTURE_LABEL: Final = "app.kubernetes.io/arch"
NAME_LABEL: Final = "app.kubernetes.io/name"
APPLY_ORDER: Final = (
    "Namespace",
    "ServiceAccount",
    "ConfigMap",
    "Secret",
    "NetworkPolicy",
    "Service",
    "PodDisruptionBudget",
    "Deployment",
)
"""What a kind needs stands before it; any other kind comes last."""
NEEDED_FIRST: Final = ("redis", "prometheus", "otel-collector")
"""Deployments that the services wait for."""


@dataclass(frozen=True, slots=True)
class KubeObject:
    """One object as it is to be applied.

    Attributes:
        api_version: For example `apps/v1`.
        kind: For example `Deployment`.
        namespace: Empty for what belongs to the whole cluster.
        name: Its name.
        body: The whole object.
    """

    api_version: str
    kind: str
    namespace: str
    name: str
    body: Mapping[str, Any]

    @property
    def pod(self) -> Mapping[str, Any]:
        """The pod it makes; empty where it makes none."""
        spec = self.body.get("spec") or {}
        if self.kind == "Pod":
            return dict(spec)
        template: Mapping[str, Any] = spec.get("jobTemplate", {}).get("spec", spec).get("template") or {}
        return dict(template.get("spec") or {})

    def containers(self) -> Iterator[Mapping[str, Any]]:
        """Containers of its pod, those that run first included."""
        for key in ("initContainers", "containers"):
            yield from self.pod.get(key) or ()

    def __str__(self) -> str:
        """How people name it: `Deployment ingest-api-arm64`."""
        return f"{self.kind} {self.name}"


def kube_object(body: Mapping[str, Any]) -> KubeObject:
    """The object that a document describes."""
    metadata = body["metadata"]
    return KubeObject(body["apiVersion"], body["kind"], metadata.get("namespace", ""), metadata["name"], body)


def place_in_order(thing: KubeObject) -> tuple[int, int, str, str]:
    """Sort key: the order of applying; removing goes the other way."""
    kind = APPLY_ORDER.index(thing.kind) if thing.kind in APPLY_ORDER else len(APPLY_ORDER)
    return kind, thing.name not in NEEDED_FIRST, thing.name, thing.kind
