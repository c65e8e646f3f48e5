"""Reads the objects of a namespace from the API server; what the server refuses is returned as a denial."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

from lab.errors import BadConfig, Forbidden, LabError
from lab.probes.denials import denials_in
from lab.probes.ports import LogReader
from lab.snapshots.kubernetes import Node, Raw
from lab.snapshots.probes import Denial
from lab.snapshots.snapshot import ContainerLog, Objects
from lab.targets.kubernetes.kinds import (
    CONFIG_MAP,
    DEPLOYMENT,
    EVENT,
    NAMESPACE,
    NETWORK_POLICY,
    NODE,
    POD,
    VOLUME_CLAIM,
    Kind,
)

LOG_LINES: Final = 200
"""Of each container: enough for the traceback of a crash and what came before it."""
NORMAL: Final = "Normal"
ENDED: Final = "Killing"
"""Reason of the event, of type Normal, that tells that a probe made the kubelet restart a container."""
VOLUME: Final = Kind("v1", "PersistentVolume")
KINDS: Final[Mapping[str, Kind]] = {
    "nodes": NODE,
    "pods": POD,
    "deployments": DEPLOYMENT,
    "replica_sets": Kind("apps/v1", "ReplicaSet"),
    "events": EVENT,
    "volume_claims": VOLUME_CLAIM,
    "volumes": VOLUME,
    "config_maps": CONFIG_MAP,
    "quotas": Kind("v1", "ResourceQuota"),
    "limit_ranges": Kind("v1", "LimitRange"),
    "network_policies": NETWORK_POLICY,
}
"""Field of `Objects` → the kind that it holds."""
OPTIONAL: Final = frozenset({VOLUME})
"""Kinds that the lab works without reading, so that a refusal is no fault."""


class ReadObjects(NamedTuple):
    """The objects and logs that were read, and the requests that were refused."""

    objects: Objects
    logs: tuple[ContainerLog, ...]
    denials: tuple[Denial, ...]


def read_objects(cluster: LogReader) -> ReadObjects:
    """Read every object of the kinds that tell why a stack is not well, and the last lines of every container."""
    denials: list[Denial] = []
    lists = {field: _listed(cluster, kind, denials) for field, kind in KINDS.items()}
    namespace: Raw = {}
    try:
        namespace = cluster.find(NAMESPACE, cluster.namespace) or {}
    except Forbidden as error:
        denials += denials_in(error)
    objects = Objects(namespace=namespace, **{field: tuple(map(_slim, listed)) for field, listed in lists.items()})
    # Reading a log from a node that does not answer takes half a minute for each container.
    silent = {node.name for node in map(Node, objects.nodes) if node.condition("Ready").status and not node.is_ready}
    reachable = [pod for pod in objects.pods if pod["spec"].get("nodeName") not in silent]
    logs = tuple(log for pod in reachable for log in _logs(cluster, pod, denials))
    return ReadObjects(objects, logs, tuple(dict.fromkeys(denials)))


def _slim(raw: Raw) -> Raw:
    """Return an object without what no rule reads: a ReplicaSet's copy of its Deployment's template."""
    if "template" in raw.get("spec", {}) and raw["metadata"].get("ownerReferences"):
        return {**raw, "spec": {key: value for key, value in raw["spec"].items() if key != "template"}}
    return raw


def _listed(cluster: LogReader, kind: Kind, denials: list[Denial]) -> tuple[Raw, ...]:
    try:
        objects = cluster.list(kind)
    except Forbidden as error:
        denials += () if kind in OPTIONAL else denials_in(error)
    except BadConfig:
        pass  # a cluster without such a kind has no objects of it
    else:
        # Of events only warnings and ended containers: the objects themselves tell what is well.
        return tuple(raw for raw in objects if raw.get("type") != NORMAL or raw.get("reason") == ENDED)
    return ()


def _logs(cluster: LogReader, pod: Raw, denials: list[Denial]) -> Iterator[ContainerLog]:
    name, status = str(pod["metadata"]["name"]), pod.get("status", {})
    statuses: Sequence[Mapping[str, Any]] = (
        *(status.get("initContainerStatuses") or ()),
        *(status.get("containerStatuses") or ()),
    )
    for container_status in statuses:
        container = str(container_status["name"])
        for previous in (True, False) if container_status.get("restartCount") else (False,):
            try:
                text = cluster.log(name, container, previous=previous, lines=LOG_LINES)
            except Forbidden as error:
                denials += denials_in(error)
                return
            except LabError:
                continue  # the pod has gone, or its node does not answer, which other facts tell
            if text:
                yield ContainerLog(name, container, tuple(text.splitlines()), previous)
