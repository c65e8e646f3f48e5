"""An API server on loopback that keeps objects; a dry run changes nothing."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from tests.fakes.cluster import after_applying, other_manager
from tests.unit.targets.kubernetes.api_server import ApiServer, Body

NAMESPACE: Final = "testbed"
DRY_RUN: Final = {"dryRun": "All"}
KINDS: Final[Mapping[str, tuple[str, ...]]] = {
    "v1": (
        "Namespace",
        "Node",
        "ServiceAccount",
        "ConfigMap",
        "Secret",
        "Service",
        "Pod",
        "PersistentVolumeClaim",
        "Event",
    ),
    "apps/v1": ("Deployment",),
    "authentication.k8s.io/v1": ("SelfSubjectReview",),
    "authorization.k8s.io/v1": ("SelfSubjectAccessReview",),
    "policy/v1": ("PodDisruptionBudget",),
    "networking.k8s.io/v1": ("NetworkPolicy",),
}
OF_THE_CLUSTER: Final = frozenset({"Namespace", "Node", "SelfSubjectReview", "SelfSubjectAccessReview"})
USER: Final = "o:eve"
"""The user, as the server names the user; the kubeconfig has another name."""
SUCCESS: Final = {"kind": "Status", "status": "Success"}


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
    """A server with objects. A Deployment that is applied is rolled out at once, and has no pods.

    Attributes:
        there: Path → object.
        previewed: Kind and name of the objects of dry runs.
        written: Every other request that would have changed something.
        denied: (verb, resource) of the rights that the user lacks. Requests are refused by `refuses` alone.
        logs: (pod, container, whether of the previous run) → log; other containers never ran.
    """

    there: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    previewed: list[str] = field(default_factory=list)
    written: list[str] = field(default_factory=list)
    denied: set[tuple[str, str]] = field(default_factory=set)
    logs: dict[tuple[str, str, bool], str] = field(default_factory=dict)

    def hold(self, bodies: Iterable[Mapping[str, Any]]) -> None:
        """Hold these objects from now on."""
        versioned = ({**body, "metadata": {"resourceVersion": "0", **body["metadata"]}} for body in bodies)
        self.there |= {path_of(body): body for body in versioned}

    def answer(self, path: str) -> tuple[int, Mapping[str, Any]]:
        """Return an object, the objects of a kind, or the kinds."""
        self.requested.append(path)
        if path in self.refuses:
            return self.refuses[path], _refusal(path)
        if path in self.there:
            return 200, self.there[path]
        answers = {root_of(version): _resources(version) for version in KINDS}
        answers |= {"/version": {"gitVersion": self.version}, "/apis": _groups()}
        if path in answers:
            return 200, answers[path]
        if path.rpartition("/")[2] in {plural(kind) for kinds in KINDS.values() for kind in kinds}:
            items = [body for place, body in self.there.items() if place.rpartition("/")[0] == path]
            return 200, {"kind": "List", "apiVersion": "v1", "metadata": {}, "items": items}
        return _status(404, "not found")

    def log(self, path: str, query: Mapping[str, str]) -> tuple[int, Body]:
        """Return the last lines of a log, with times those since a time.

        As an API server, refuse the log of a container that never ran.
        """
        pod = path.split("/")[-2]
        key = (pod, query.get("container", ""), query.get("previous") == "true")
        if path in self.refuses or key not in self.logs:
            return self.refuses.get(path, 400), _refusal(path)
        since, lines = query.get("sinceTime", ""), self.logs[key].splitlines(keepends=True)
        later = [line for line in lines if not since or line.split()[0] >= since]
        return 200, "".join(later[-int(query.get("tailLines", 0)) :])

    def change(
        self, method: str, path: str, query: Mapping[str, str], body: Mapping[str, Any]
    ) -> tuple[int, Mapping[str, Any]]:
        """Answer a review, or apply or delete an object; a dry run returns what applying would leave."""
        if path.endswith("/selfsubjectreviews"):
            return 201, {**body, "status": {"userInfo": {"username": USER}}}
        if path.endswith("/selfsubjectaccessreviews"):
            of = body["spec"]["resourceAttributes"]
            resource = "/".join(filter(None, (of["resource"], of["subresource"])))
            return 201, {**body, "status": {"allowed": (of["verb"], resource) not in self.denied}}
        if method == "PATCH" and query.items() >= DRY_RUN.items():
            self.previewed.append(f"{body['kind']} {body['metadata']['name']}")
            return self._applied(path, query, body)
        self.written.append(f"{method} {path} {json.dumps(query)}")
        if method == "DELETE":
            return self._deleted(path)
        if method != "PATCH":
            return _status(405, f"{method} {path} is not allowed")
        status, after = self._applied(path, query, body)
        if status == 200:
            self.there[path] = _rolled_out(after) if after["kind"] == "Deployment" else after
        return status, after

    def _applied(self, path: str, query: Mapping[str, str], body: Mapping[str, Any]) -> tuple[int, Mapping[str, Any]]:
        before, manager = self.there.get(path), query["fieldManager"]
        owner = other_manager(body, before, manager=manager)
        if owner and query.get("force", "").lower() != "true":
            return _status(409, f'Apply failed with 1 conflict: conflict with "{owner}"')
        return 200, after_applying(body, before, manager=manager)

    def _deleted(self, path: str) -> tuple[int, Mapping[str, Any]]:
        if path not in self.there:
            return _status(404, "not found")
        del self.there[path]
        if path == f"/api/v1/namespaces/{NAMESPACE}":
            self.there = {place: body for place, body in self.there.items() if f"/namespaces/{NAMESPACE}/" not in place}
        return 200, SUCCESS


def _rolled_out(deployment: Mapping[str, Any]) -> Mapping[str, Any]:
    wanted = deployment["spec"].get("replicas", 1)
    counts = dict.fromkeys(("replicas", "updatedReplicas", "availableReplicas", "readyReplicas"), wanted)
    return {**deployment, "status": {"observedGeneration": deployment["metadata"]["generation"], **counts}}


def _status(code: int, message: str) -> tuple[int, Mapping[str, Any]]:
    return code, {"kind": "Status", "code": code, "message": message}


def _refusal(path: str) -> Mapping[str, Any]:
    """Return the words with which a server refuses that the objects of a path are listed."""
    resource = path.rpartition("/")[2]
    place = f' in the namespace "{NAMESPACE}"' if f"/namespaces/{NAMESPACE}/" in path else ""
    words = f'User "{USER}" cannot list resource "{resource}" in API group ""{place}'
    return {"kind": "Status", "message": f"{resource} is forbidden: {words}"}


def _resources(version: str) -> Mapping[str, Any]:
    resources = [
        {
            "name": plural(kind),
            "kind": kind,
            "namespaced": kind not in OF_THE_CLUSTER,
            "verbs": ["create", "delete", "get", "list", "patch"],
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
