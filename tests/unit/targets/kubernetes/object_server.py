"""An API server on loopback that holds objects; a dry run changes nothing."""

import copy
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from tests.unit.targets.kubernetes.api_server import ApiServer

NAMESPACE: Final = "testbed"
DRY_RUN: Final = {"dryRun": "All"}
KINDS: Final[Mapping[str, tuple[str, ...]]] = {
    "v1": ("Namespace", "Node", "ServiceAccount", "ConfigMap", "Secret", "Service", "Pod", "Event"),
    "apps/v1": ("Deployment",),
    "policy/v1": ("PodDisruptionBudget",),
    "networking.k8s.io/v1": ("NetworkPolicy",),
}
OF_THE_CLUSTER: Final = frozenset({"Namespace", "Node"})


def plural(kind: str) -> str:
    """Return how paths name a kind."""
    return f"{kind[:-1]}ies".lower() if kind.endswith("y") else f"{kind}s".lower()


def root_of(api_version: str) -> str:
    """Return the path of the kinds of a version."""
    return f"/apis/{api_version}" if "/" in api_version else f"/api/{api_version}"


def path_of(body: Mapping[str, Any]) -> str:
    """Return the path of an object."""
    namespace = "" if body["kind"] in OF_THE_CLUSTER else f"/namespaces/{NAMESPACE}"
    return f"{root_of(body['apiVersion'])}{namespace}/{plural(body['kind'])}/{body['metadata']['name']}"


@dataclass
class ObjectServer(ApiServer):
    """A server with objects.

    Attributes:
        there: Path → object.
        previewed: Kind and name of the objects of dry runs.
        written: Every other request that would have changed something.
    """

    there: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    previewed: list[str] = field(default_factory=list)
    written: list[str] = field(default_factory=list)

    def hold(self, bodies: Iterable[Mapping[str, Any]]) -> None:
        """Hold these objects from now on."""
        self.there |= {path_of(body): body for body in bodies}

    def answer(self, path: str) -> tuple[int, Mapping[str, Any]]:
        """Return an object, the objects of a kind, or the kinds."""
        self.requested.append(path)
        if path in self.there:
            return 200, self.there[path]
        answers = {root_of(version): _resources(version) for version in KINDS}
        answers |= {"/version": {"gitVersion": self.version}, "/apis": _groups()}
        if path in answers:
            return 200, answers[path]
        if path.rpartition("/")[2] in {plural(kind) for kinds in KINDS.values() for kind in kinds}:
            items = [body for place, body in self.there.items() if place.rpartition("/")[0] == path]
            return 200, {"kind": "List", "apiVersion": "v1", "metadata": {}, "items": items}
        return 404, {"kind": "Status", "code": 404, "message": "not found"}

    def change(
        self, method: str, path: str, query: Mapping[str, str], body: Mapping[str, Any]
    ) -> tuple[int, Mapping[str, Any]]:
        """Return what applying would leave, with what a server adds."""
        after = copy.deepcopy(dict(body))
        after["metadata"] |= {"resourceVersion": "2", "managedFields": [{"manager": query.get("fieldManager", "")}]}
        if method == "PATCH" and query.items() >= DRY_RUN.items():
            self.previewed.append(f"{after['kind']} {after['metadata']['name']}")
        else:
            self.written.append(f"{method} {path} {json.dumps(query)}")
        return 200, after


def _resources(version: str) -> Mapping[str, Any]:
    resources = [
        {
            "name": plural(kind),
            "kind": kind,
            "namespaced": kind not in OF_THE_CLUSTER,
            "verbs": ["get", "list", "patch"],
        }
        for kind in KINDS[version]
    ]
    return {"kind": "APIResourceList", "groupVersion": version, "resources": resources}


def _groups() -> Mapping[str, Any]:
    groups = [
        {
            "name": version.partition("/")[0],
            "versions": [{"groupVersion": version, "version": "v1"}],
            "preferredVersion": {"groupVersion": version, "version": "v1"},
        }
        for version in KINDS
        if "/" in version
    ]
    return {"kind": "APIGroupList", "groups": groups}
