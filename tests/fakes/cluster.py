"""A cluster in memory, and the rules by which an API server applies an object."""

import copy
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from lab.errors import Exists, LabError
from lab.snapshots.kubernetes.kinds import DEPLOYMENT, NAMESPACE, NODE, POD, SECRET, Kind
from lab.snapshots.kubernetes.rights import Right
from lab.targets.kubernetes.client.port import Applied
from lab.targets.kubernetes.client.where import Where
from lab.targets.kubernetes.objects import MANAGER

Object = dict[str, Any]
Body = Mapping[str, Any]
OF_THE_CLUSTER: Final = frozenset({NAMESPACE.name, NODE.name})
"""Kinds without a namespace."""
SERVERS_OWN: Final = ("resourceVersion", "generation", "managedFields", "uid")


def selects(selector: str, body: Body) -> bool:
    """Return whether an object has the labels of a selector; an empty selector takes every object."""
    labels = body["metadata"].get("labels") or {}
    pairs = (term.partition("=") for term in filter(None, selector.split(",")))
    return all(name in labels and (not equals or labels[name] == value) for name, equals, value in pairs)


def after_applying(wanted: Body, before: Body | None, *, manager: str = MANAGER) -> Object:
    """Return what an API server makes of an applied object; the same content keeps its version."""
    after = copy.deepcopy(dict(wanted))
    old = dict(before["metadata"]) if before else {}
    version = int(old.get("resourceVersion", 0))
    if before is None or content_of(before) != content_of(wanted):
        version += 1
    additions = {"uid": old.get("uid", f"uid-of-{wanted['metadata']['name']}"), "generation": version}
    after["metadata"] |= additions | {"resourceVersion": str(version), "managedFields": [{"manager": manager}]}
    if before and "status" in before:
        after["status"] = before["status"]
    return after


def other_manager(wanted: Body, before: Body | None, *, manager: str = MANAGER) -> str:
    """Return the other manager who owns the fields that applying would change; empty where there is none."""
    if before is None or content_of(before) == content_of(wanted):
        return ""
    managers = [str(entry["manager"]) for entry in before["metadata"].get("managedFields") or ()]
    return next((name for name in managers if name != manager), "")


def content_of(body: Body) -> Object:
    """Return an object without what a server adds."""
    metadata = {name: value for name, value in body["metadata"].items() if name not in SERVERS_OWN}
    return {name: value for name, value in body.items() if name != "status"} | {"metadata": metadata}


class FakeClusterClient:
    """A cluster that keeps objects; satisfies `ClusterClient`.

    Pods go with the Deployment that selects them, and everything goes with its namespace. An object with finalizers is
    marked by `deletionTimestamp`, and stays.

    Args:
        there: Objects that are there.
        namespace: Namespace of the stack.

    Attributes:
        done: Every change, oldest first: `apply ConfigMap/a`, `delete Pod/b`.
        faults: Request → error that it raises: `list Pod`, `delete Pod/b`, `log a`, `previous log a`. An
            `apply ConfigMap/a` is carried out first, as where a response is lost.
        logs: (pod, container) → what its runs printed, oldest first; the service's container is the empty name.
        waiting: Pods whose containers wait to be started again: their last run is the current and the previous one.
        denied: Rights that the user lacks.
    """

    def __init__(self, *there: Body, namespace: str = "testbed") -> None:
        self.where = Where("https://127.0.0.1:6443", "eve", "here", namespace)
        self.done: list[str] = []
        self.faults: dict[str, LabError] = {}
        self.logs: dict[tuple[str, str], Sequence[str]] = {}
        self.waiting: set[str] = set()
        self.denied: set[Right] = set()
        self._objects: dict[tuple[str, str], Body] = {}
        self.hold(there)

    def hold(self, bodies: Iterable[Body]) -> None:
        """Hold more objects."""
        self._objects |= {(body["kind"], body["metadata"]["name"]): body for body in bodies}

    @property
    def namespace(self) -> str:
        """See `Reader.namespace`."""
        return self.where.namespace

    @property
    def there(self) -> Sequence[tuple[str, str]]:
        """Kind and name of every object in the namespace that is there."""
        return [key for key in self._objects if key[0] not in OF_THE_CLUSTER]

    @property
    def labels(self) -> Mapping[str, str] | None:
        """Labels of the namespace; None where there is no namespace."""
        namespace = self._objects.get((NAMESPACE.name, self.namespace))
        return None if namespace is None else namespace["metadata"].get("labels") or {}

    def find(self, kind: Kind, name: str) -> Body | None:
        """See `Reader.find`."""
        return copy.deepcopy(self._objects.get((kind.name, name)))

    def list(self, kind: Kind, *, selector: str = "") -> Sequence[Body]:
        """See `Lister.list`. Listing Secrets is an error, because the lab has no right to do so."""
        assert kind != SECRET, "the lab may not list Secrets"
        self._raise(f"list {kind.name}")
        bodies = (body for (of, _), body in self._objects.items() if of == kind.name)
        return [copy.deepcopy(body) for body in bodies if selects(selector, body)]

    def apply(self, wanted: Body, *, force: bool = False) -> Applied:
        """See `Changer.apply`."""
        kind, name = str(wanted["kind"]), str(wanted["metadata"]["name"])
        before, after = self._applied(wanted, force=force)
        self._objects[kind, name] = after
        self.done.append(f"apply {kind}/{name}")
        self._raise(f"apply {kind}/{name}")
        if kind == SECRET.name:
            return Applied(kind, name, "written")
        if before is None:
            return Applied(kind, name, "created")
        is_same = before["metadata"].get("resourceVersion", "0") == after["metadata"]["resourceVersion"]
        return Applied(kind, name, "unchanged" if is_same else "changed")

    def preview(self, wanted: Body, *, force: bool = False) -> tuple[Body | None, Body]:
        """See `Previewer.preview`."""
        before, after = self._applied(wanted, force=force)
        return (None if wanted["kind"] == SECRET.name else before), after

    def delete(self, kind: Kind, name: str) -> bool:
        """See `Changer.delete`."""
        self._raise(f"delete {kind.name}/{name}")
        self.done.append(f"delete {kind.name}/{name}")
        body = self._objects.get((kind.name, name))
        if body is None:
            return False
        for key in self._owned_by(kind, body):
            self._let_go(key)
        is_in_use = kind == NAMESPACE and bool(self.there)
        self._let_go((kind.name, name), stays=is_in_use)
        return True

    def log(self, pod: str, container: str = "", *, previous: bool = False, lines: int | None = None) -> str:
        """See `LogReader.log`."""
        self._raise(f"previous log {pod}" if previous else f"log {pod}")
        runs = self.logs.get((pod, container), ())
        chosen = runs[-2:-1] if previous and pod not in self.waiting else runs[-1:]
        return "".join("".join(chosen).splitlines(keepends=True)[-(lines or 0) :])

    def log_since(self, pod: str, since: str, lines: int, *, container: str = "") -> str:
        """See `LogFollower.log_since`; the line of that time is among them."""
        self._raise(f"log {pod}")
        printed = "".join(self.logs.get((pod, container), ())[-1:]).splitlines(keepends=True)
        return "".join([line for line in printed if line.split()[0] >= since][-lines:])

    def may(self, right: Right) -> bool:
        """See `Reviewer.may`."""
        return right not in self.denied

    def user(self) -> str:
        """See `Reviewer.user`."""
        return self.where.user

    def version(self) -> str:
        """See `ClusterClient.version`."""
        return "v1.34.4"

    def _applied(self, wanted: Body, *, force: bool) -> tuple[Body | None, Body]:
        kind, name = str(wanted["kind"]), str(wanted["metadata"]["name"])
        before = self.find(Kind(wanted["apiVersion"], kind), name)
        if not force and (owner := other_manager(wanted, before)):
            raise Exists(f"cannot apply {kind} {name}", found=f'conflict with "{owner}"', code="E_CONFLICT")
        return before, after_applying(wanted, before)

    def _owned_by(self, kind: Kind, owner: Body) -> Sequence[tuple[str, str]]:
        if kind == NAMESPACE:
            return self.there
        labels = owner.get("spec", {}).get("selector", {}).get("matchLabels") if kind == DEPLOYMENT else None
        selector = ",".join(f"{name}={value}" for name, value in (labels or {}).items())
        pods = [key for key in self.there if key[0] == POD.name] if selector else []
        return [key for key in pods if selects(selector, self._objects[key])]

    def _let_go(self, key: tuple[str, str], *, stays: bool = False) -> None:
        body = self._objects[key]
        if stays or body["metadata"].get("finalizers"):
            marked = body["metadata"] | {"deletionTimestamp": "2026-11-25T02:00:00Z"}
            self._objects[key] = {**body, "metadata": marked}
        else:
            del self._objects[key]

    def _raise(self, request: str) -> None:
        if request in self.faults:
            raise self.faults[request]
