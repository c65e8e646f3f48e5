"""Objects as an API server has them, and clusters that hold them."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from lab.targets.kubernetes.objects import MANAGER, PART_OF, KubeObject, kube_object
from lab.targets.kubernetes.secret_names import SECRET_NAMES
from tests.fakes.cluster import FakeClusterClient, Object
from tests.unit.targets.kubernetes.samples import OF_THE_STACK

STACK: Final = [("Deployment", "worker"), ("ConfigMap", "settings"), ("ServiceAccount", "worker")]
"""Kind and name of the objects of a stack, in the order of removing."""
ALL_SECRETS: Final = [("Secret", name) for name in SECRET_NAMES]
NO_OBJECTS: Final[Mapping[tuple[str, str], Mapping[str, str]]] = {}
OURS: Final = {PART_OF: MANAGER, **OF_THE_STACK}
"""Labels of a namespace that the lab made."""
NAMESPACE: Final[Object] = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "testbed"}}
FOR_THE_LAB: Final[Object] = {**NAMESPACE, "metadata": {"name": "testbed", "labels": {PART_OF: MANAGER}}}
"""A namespace that an administrator made for the lab."""
SECRET: Final[Object] = {
    "apiVersion": "v1",
    "kind": "Secret",
    "metadata": {"name": "lab-serving", "labels": OF_THE_STACK},
    "data": {"token": "c2VjcmV0"},
}


def config_map(name: str, text: str = "a\nb\n", **metadata: Any) -> Object:
    """Return a ConfigMap of the stack that holds a text."""
    labelled = {"name": name, "labels": OF_THE_STACK, **metadata}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": labelled, "data": {"x": text}}


def objects(*bodies: Object) -> list[KubeObject]:
    """Return bodies as objects."""
    return [kube_object(body) for body in bodies]


def kept_objects(
    own: Sequence[tuple[str, str]] = (),
    *,
    foreign: Mapping[tuple[str, str], Mapping[str, str]] = NO_OBJECTS,
    labels: Mapping[str, str] | None = None,
    namespace: str = "testbed",
) -> FakeClusterClient:
    """Return a cluster with some objects.

    Args:
        own: Kind and name of the objects of the stack.
        foreign: Kind and name → labels, of other objects.
        labels: Labels of the namespace; None where there is no namespace.
        namespace: Name of the namespace.
    """
    labelled = {**dict.fromkeys(own, OF_THE_STACK), **foreign}
    there = [_body(kind, name, having) for (kind, name), having in labelled.items()]
    return FakeClusterClient(
        *there, *(() if labels is None else [_body("Namespace", namespace, labels)]), namespace=namespace
    )


def _body(kind: str, name: str, labels: Mapping[str, str]) -> Object:
    return {"apiVersion": "v1", "kind": kind, "metadata": {"name": name, "labels": dict(labels)}}
