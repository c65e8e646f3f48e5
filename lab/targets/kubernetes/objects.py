"""Kubernetes objects to apply, as values in the order of applying."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from lab.snapshots.kubernetes import Raw

MANAGER: Final = "observability-lab"
"""Value of the labels `managed-by` and `part-of`, and the field manager of everything that the lab applies."""
MANAGED_BY: Final = "app.kubernetes.io/managed-by"
PART_OF: Final = "app.kubernetes.io/part-of"
APP_ARCHITECTURE_LABEL: Final = "app.kubernetes.io/arch"
"""Label of a service's pods; nodes have `lab.snapshots.kubernetes.ARCHITECTURE_LABEL`."""
CONFIG_ANNOTATION: Final = "lab.observability/config-hash"
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
"""A kind comes after the kinds that it needs; kinds that are not listed come last."""
NEEDED_FIRST: Final = ("redis", "prometheus", "otel-collector")
"""Deployments that the services wait for."""


@dataclass(frozen=True, slots=True)
class KubeObject:
    """An object to apply.

    Attributes:
        api_version: For example `apps/v1`.
        kind: For example `Deployment`.
        namespace: Empty for an object of the whole cluster.
        name: Name in its namespace.
        body: The whole object.
    """

    api_version: str
    kind: str
    namespace: str
    name: str
    body: Raw

    @property
    def pod(self) -> Raw:
        """Specification of the pods that the object creates; empty where it creates none."""
        spec = self.body.get("spec") or {}
        if self.kind == "Pod":
            return dict(spec)
        template: Raw = spec.get("jobTemplate", {}).get("spec", spec).get("template") or {}
        return dict(template.get("spec") or {})

    def containers(self) -> Iterator[Raw]:
        """Yield the containers of its pods, init containers first."""
        for key in ("initContainers", "containers"):
            yield from self.pod.get(key) or ()

    def __str__(self) -> str:
        """Kind and name: `Deployment ingest-api-arm64`."""
        return f"{self.kind} {self.name}"


def kube_object(body: Raw) -> KubeObject:
    """Return the object that a document describes."""
    metadata = body["metadata"]
    return KubeObject(body["apiVersion"], body["kind"], metadata.get("namespace", ""), metadata["name"], body)


def apply_order(item: KubeObject) -> tuple[int, int, str, str]:
    """Return an object's sort key in the order of applying.

    >>> bodies = [{"apiVersion": "v1", "kind": kind, "metadata": {"name": "lab"}} for kind in ("Service", "Namespace")]
    >>> [str(item) for item in sorted(map(kube_object, bodies), key=apply_order)]
    ['Namespace lab', 'Service lab']
    """
    kind = APPLY_ORDER.index(item.kind) if item.kind in APPLY_ORDER else len(APPLY_ORDER)
    return kind, item.name not in NEEDED_FIRST, item.name, item.kind
