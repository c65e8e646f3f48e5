"""Clusters in memory: one that removes and applies objects, one that previews."""

import copy
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, cast

from lab.errors import Unavailable
from lab.snapshots.kubernetes import STACK_LABEL
from lab.targets.kubernetes.client.changing import Applied
from lab.targets.kubernetes.kinds import Kind
from lab.targets.kubernetes.objects import MANAGER, PART_OF, KubeObject, kube_object
from lab.targets.kubernetes.secret_names import SECRET_NAMES

if TYPE_CHECKING:
    from lab.targets.kubernetes.client.cluster import Cluster

Object = dict[str, Any]
STACK: Final = [("Deployment", "worker"), ("ConfigMap", "settings"), ("ServiceAccount", "worker")]
"""Kind and name of the objects of a stack, in the order of removing."""
ALL_SECRETS: Final = [("Secret", name) for name in SECRET_NAMES]
NO_OBJECTS: Final[Mapping[tuple[str, str], Mapping[str, str]]] = {}
OURS: Final = {PART_OF: MANAGER, STACK_LABEL: "lab"}
"""Labels of a namespace that the lab made."""
NAMESPACE: Final[Object] = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "testbed"}}
SECRET: Final[Object] = {
    "apiVersion": "v1",
    "kind": "Secret",
    "metadata": {"name": "lab-serving"},
    "data": {"token": "c2VjcmV0"},
}


def config_map(name: str, text: str = "a\nb\n", **metadata: Any) -> Object:
    """Return a ConfigMap that holds a text."""
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, **metadata}, "data": {"x": text}}


def objects(*bodies: Object) -> list[KubeObject]:
    """Return bodies as objects."""
    return [kube_object(body) for body in bodies]


class KeptObjects:
    """A cluster that keeps objects in one namespace. Listing Secrets is an error.

    Args:
        own: Kind and name of the objects of the stack.
        foreign: Kind and name → labels, of objects without the stack's label.
        labels: Of the namespace; None where there is no namespace.
        broken: `kind/name` of an object that cannot be removed.
    """

    namespace = "testbed"

    def __init__(
        self,
        own: Sequence[tuple[str, str]] = (),
        *,
        foreign: Mapping[tuple[str, str], Mapping[str, str]] = NO_OBJECTS,
        labels: Mapping[str, str] | None = None,
        broken: str = "",
    ) -> None:
        self._objects = {**{key: {STACK_LABEL: "lab"} for key in own}, **foreign}
        self.labels, self.broken = labels, broken

    @property
    def there(self) -> Sequence[tuple[str, str]]:
        """Kind and name of every object that is there."""
        return list(self._objects)

    def find(self, kind: Kind, name: str) -> Mapping[str, Any] | None:
        """Return the namespace."""
        assert (kind.name, name) == ("Namespace", self.namespace)
        if self.labels is None:
            return None
        return {"kind": kind.name, "metadata": {"name": name, "labels": dict(self.labels)}}

    def list(self, kind: Kind, *, selector: str = "") -> Sequence[Mapping[str, Any]]:
        """Return the objects of a kind with that label."""
        assert kind.name != "Secret", "the lab may not list Secrets"
        key, _, value = selector.partition("=")
        return [
            {"metadata": {"name": name, "labels": dict(labels)}}
            for (of, name), labels in self._objects.items()
            if of == kind.name and (not selector or labels.get(key) == value)
        ]

    def apply(self, wanted: Mapping[str, Any], *, force: bool = False) -> Applied:
        """Keep the object."""
        kind, metadata = wanted["kind"], wanted["metadata"]
        if kind == "Namespace":
            self.labels = metadata["labels"]
        else:
            self._objects[kind, metadata["name"]] = metadata["labels"]
        return Applied(kind, metadata["name"], "forced" if force else "created")

    def delete(self, kind: Kind, name: str) -> bool:
        """Remove an object that is there; a namespace with everything in it."""
        if f"{kind.name}/{name}" == self.broken:
            raise Unavailable("cannot reach the cluster")
        if kind.name == "Namespace":
            self.labels, self._objects = None, {}
            return True
        return self._objects.pop((kind.name, name), None) is not None


def cluster(kept: KeptObjects) -> "Cluster":
    """Return the cluster as the type that the lab asks for."""
    return cast("Cluster", kept)


class ReplacingCluster:
    """A cluster in which an object that is applied replaces the object that is there; satisfies `Previewer`."""

    namespace = "testbed"

    def __init__(self, *there: Object) -> None:
        self._there = {(body["kind"], body["metadata"]["name"]): body for body in there}

    def find(self, kind: Kind, name: str) -> Object | None:
        """See `Previewer.find`."""
        return self._there.get((kind.name, name))

    def list(self, kind: Kind, *, selector: str = "") -> Sequence[Mapping[str, Any]]:
        """See `Previewer.list`."""
        return [body for (of, _), body in self._there.items() if of == kind.name]

    def preview(self, wanted: Mapping[str, Any], *, force: bool = False) -> tuple[Object | None, Object]:
        """See `Previewer.preview`; the response has what a server adds."""
        before = self._there.get((wanted["kind"], wanted["metadata"]["name"]))
        after = copy.deepcopy(dict(wanted))
        after["metadata"] |= {"generation": 7, "resourceVersion": "1", "managedFields": [{"time": "now"}]}
        after["status"] = {"replicas": 3}
        return (None if wanted["kind"] == "Secret" else before), after
