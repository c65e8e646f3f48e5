"""What the API server has in a namespace, as a diagnosis reads it; what it refuses is remembered, not raised."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

from lab.errors import BadConfig, Forbidden, LabError
from lab.snapshots.probes import Denial
from lab.snapshots.snapshot import ContainerLog, Objects
from lab.targets.kubernetes.client.cluster import Cluster

LOG_LINES: Final = 200
"""Of each container: enough for the traceback of a crash and what came before it."""
NORMAL: Final = "Normal"
ENDED: Final = "Killing"
"""How a kubelet tells, as if nothing were wrong with that, that a probe made it restart a container."""
REFUSED: Final = re.compile(
    r'User "(?P<user>[^"]+)" cannot (?P<verb>\w+) resource "(?P<resource>[^"]+)" in API group "(?P<group>[^"]*)"'
    r'(?: in the namespace "(?P<namespace>[^"]+)")?'
)


class Kind(NamedTuple):
    """A kind of object that is looked at."""

    api_version: str
    name: str
    is_optional: bool = False
    """The lab does well without seeing it: to be refused is no fault."""


KINDS: Final[Mapping[str, Kind]] = {
    "nodes": Kind("v1", "Node"),
    "pods": Kind("v1", "Pod"),
    "deployments": Kind("apps/v1", "Deployment"),
    "replica_sets": Kind("apps/v1", "ReplicaSet"),
    "events": Kind("v1", "Event"),
    "volume_claims": Kind("v1", "PersistentVolumeClaim"),
    "volumes": Kind("v1", "PersistentVolume", is_optional=True),
    "config_maps": Kind("v1", "ConfigMap"),
    "quotas": Kind("v1", "ResourceQuota"),
    "limit_ranges": Kind("v1", "LimitRange"),
    "network_policies": Kind("networking.k8s.io/v1", "NetworkPolicy"),
}
"""Part of a snapshot → where it comes from."""


class Seen(NamedTuple):
    """What was seen, and what was refused."""

    objects: Objects
    logs: tuple[ContainerLog, ...]
    denials: tuple[Denial, ...]


def look_at_objects(cluster: Cluster) -> Seen:
    """Every object of the kinds that say why something is not well, and the last lines of every container."""
    denials: list[Denial] = []
    lists = {part: _listed(cluster, kind, denials) for part, kind in KINDS.items()}
    namespace: Mapping[str, Any] = {}
    try:
        namespace = cluster.find("v1", "Namespace", cluster.namespace) or {}
    except Forbidden as error:
        denials += denials_in(error)
    objects = Objects(namespace=namespace, **{part: tuple(map(_slim, found)) for part, found in lists.items()})
    silent = {one["metadata"]["name"] for one in objects.nodes if not _is_ready(one)}
    reachable = [pod for pod in objects.pods if pod["spec"].get("nodeName") not in silent]
    logs = tuple(log for pod in reachable for log in _logs(cluster, pod, denials))
    return Seen(objects, logs, tuple(dict.fromkeys(denials)))


def denials_in(error: LabError) -> Iterator[Denial]:
    """What an answer of the API server says was refused, and to whom.

    >>> from lab.errors import Forbidden
    >>> said = 'pods is forbidden: User "eve" cannot list resource "pods" in API group "" in the namespace "testbed"'
    >>> list(denials_in(Forbidden("cannot list Pods", found=said)))
    [Denial(verb='list', resource='pods', namespace='testbed', group='', user='eve')]
    """
    for found in REFUSED.finditer(str(error)):
        yield Denial(found["verb"], found["resource"], found["namespace"] or "", found["group"], found["user"])


def _is_ready(node: Mapping[str, Any]) -> bool:
    """Whether a node answers, so that logs can be read there; asking another costs half a minute for each."""
    conditions = node.get("status", {}).get("conditions") or ()
    return all(one["status"] == "True" for one in conditions if one["type"] == "Ready")


def _slim(thing: Mapping[str, Any]) -> Mapping[str, Any]:
    """Without what no rule reads and would make half of a look: a ReplicaSet's copy of its Deployment's template."""
    if "template" in thing.get("spec", {}) and thing["metadata"].get("ownerReferences"):
        return {**thing, "spec": {key: one for key, one in thing["spec"].items() if key != "template"}}
    return thing


def _listed(cluster: Cluster, kind: Kind, denials: list[Denial]) -> tuple[Mapping[str, Any], ...]:
    try:
        found = cluster.list(kind.api_version, kind.name)
    except Forbidden as error:
        denials += () if kind.is_optional else denials_in(error)
    except BadConfig:
        pass  # a cluster without such a kind has no objects of it
    else:
        # Of events only the warnings, and what was ended: what goes as it should is told by the objects.
        return tuple(one for one in found if one.get("type") != NORMAL or one.get("reason") == ENDED)
    return ()


def _logs(cluster: Cluster, pod: Mapping[str, Any], denials: list[Denial]) -> Iterator[ContainerLog]:
    name, status = str(pod["metadata"]["name"]), pod.get("status", {})
    told: Sequence[Mapping[str, Any]] = (
        *(status.get("initContainerStatuses") or ()),
        *(status.get("containerStatuses") or ()),
    )
    for one in told:
        container = str(one["name"])
        for previous in (True, False) if one.get("restartCount") else (False,):
            try:
                text = cluster.log(name, container, previous=previous, lines=LOG_LINES)
            except Forbidden as error:
                denials += denials_in(error)
                return
            except LabError:
                continue  # the pod has gone, or its node does not answer, which is seen elsewhere
            if text:
                yield ContainerLog(name, container, tuple(text.splitlines()), previous)
