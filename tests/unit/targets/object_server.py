"""An API server on loopback that holds objects: what is applied replaces what is there, a dry run changes nothing."""

import copy
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from tests.unit.targets.api_server import ApiServer

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
    """How paths name a kind."""
    return f"{kind[:-1]}ies".lower() if kind.endswith("y") else f"{kind}s".lower()


def root_of(api_version: str) -> str:
    """Where the kinds of a version are."""
    return f"/apis/{api_version}" if "/" in api_version else f"/api/{api_version}"


def path_of(thing: Mapping[str, Any]) -> str:
    """Where one object is."""
    place = "" if thing["kind"] in OF_THE_CLUSTER else f"/namespaces/{NAMESPACE}"
    return f"{root_of(thing['apiVersion'])}{place}/{plural(thing['kind'])}/{thing['metadata']['name']}"


@dataclass
class ObjectServer(ApiServer):
    """What it has.

    Attributes:
        there: Path → object.
        asked_to_apply: Names of objects that a dry run was asked for.
        written: Every request that was no dry run and would have changed something.
    """

    there: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    asked_to_apply: list[str] = field(default_factory=list)
    written: list[str] = field(default_factory=list)

    def hold(self, things: Iterable[Mapping[str, Any]]) -> None:
        """Have these objects from now on."""
        self.there |= {path_of(one): one for one in things}

    def answer(self, path: str) -> tuple[int, Mapping[str, Any]]:
        """An object, those of a kind, or what kinds there are."""
        self.asked.append(path)
        if path in self.there:
            return 200, self.there[path]
        answers = {root_of(version): _resources(version) for version in KINDS}
        answers |= {"/version": {"gitVersion": self.version}, "/apis": _groups()}
        if path in answers:
            return 200, answers[path]
        if path.rpartition("/")[2] in {plural(kind) for kinds in KINDS.values() for kind in kinds}:
            items = [one for at, one in self.there.items() if at.rpartition("/")[0] == path]
            return 200, {"kind": "List", "apiVersion": "v1", "metadata": {}, "items": items}
        return 404, {"kind": "Status", "code": 404, "message": "not found"}

    def change(
        self, method: str, path: str, query: Mapping[str, str], body: Mapping[str, Any]
    ) -> tuple[int, Mapping[str, Any]]:
        """What applying would leave, with what a server adds of its own."""
        after = copy.deepcopy(dict(body))
        after["metadata"] |= {"resourceVersion": "2", "managedFields": [{"manager": query.get("fieldManager", "")}]}
        if method == "PATCH" and query.items() >= DRY_RUN.items():
            self.asked_to_apply.append(f"{after['kind']} {after['metadata']['name']}")
        else:
            self.written.append(f"{method} {path} {json.dumps(query)}")
        return 200, after


def _resources(version: str) -> Mapping[str, Any]:
    found = [
        {
            "name": plural(kind),
            "kind": kind,
            "namespaced": kind not in OF_THE_CLUSTER,
            "verbs": ["get", "list", "patch"],
        }
        for kind in KINDS[version]
    ]
    return {"kind": "APIResourceList", "groupVersion": version, "resources": found}


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
