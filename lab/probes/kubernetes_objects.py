"""Reads what the API server holds of a namespace, as far as the user may: objects, logs."""

from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

from lab.errors import BadConfig, Forbidden, LabError
from lab.probes.inquiry import Inquiry
from lab.probes.ports import ReadCluster
from lab.snapshots.gaps import Denial, Unanswered
from lab.snapshots.kubernetes import Node, Raw
from lab.snapshots.kubernetes.kinds import (
    CONFIG_MAP,
    DEPLOYMENT,
    EVENT,
    LIMIT_RANGE,
    NAMESPACE,
    NETWORK_POLICY,
    NODE,
    POD,
    QUOTA,
    REPLICA_SET,
    VOLUME,
    VOLUME_CLAIM,
    Kind,
)
from lab.snapshots.snapshot import ContainerLog, Objects

LOG_LINES: Final = 200
"""Of each container: enough for the traceback of a crash and what came before it."""
NORMAL: Final = "Normal"
ENDED: Final = "Killing"
"""Reason of the event, of type Normal, that tells that a probe made the kubelet restart a container."""
OPTIONAL: Final = frozenset({VOLUME})
"""Kinds that the lab works without reading, so that a refusal is no fault."""


class ReadObjects(NamedTuple):
    """What was read of a namespace, and why the rest was not.

    Attributes:
        objects: Objects of each kind; none of a kind that may not be listed.
        logs: The last lines of every container that was reached.
        denials: What RBAC refused.
        unanswered: What failed for any other reason.
    """

    objects: Objects
    logs: tuple[ContainerLog, ...]
    denials: tuple[Denial, ...]
    unanswered: tuple[Unanswered, ...]


def read_objects(cluster: ReadCluster) -> ReadObjects:
    """Read every object of the kinds that tell why a stack is not well, and the last lines of every container.

    Raises:
        LabError: The cluster does not answer, or does not know the user.
    """
    inquiry = Inquiry()

    def listed(kind: Kind) -> tuple[Raw, ...]:
        return tuple(map(_slim, _listed(cluster, kind, inquiry)))

    objects = Objects(
        nodes=listed(NODE),
        pods=listed(POD),
        deployments=listed(DEPLOYMENT),
        replica_sets=listed(REPLICA_SET),
        events=listed(EVENT),
        volume_claims=listed(VOLUME_CLAIM),
        volumes=listed(VOLUME),
        config_maps=listed(CONFIG_MAP),
        quotas=listed(QUOTA),
        limit_ranges=listed(LIMIT_RANGE),
        network_policies=listed(NETWORK_POLICY),
        namespace=_namespace(cluster, inquiry),
    )
    # Reading a log from a node that does not answer takes half a minute for each container.
    silent = {node.name for node in map(Node, objects.nodes) if node.condition("Ready").status and not node.is_ready}
    reachable = [pod for pod in objects.pods if pod["spec"].get("nodeName") not in silent]
    logs = tuple(log for pod in reachable for log in _logs(cluster, pod, inquiry))
    return ReadObjects(objects, logs, tuple(inquiry.denials), tuple(inquiry.unanswered))


def _namespace(cluster: ReadCluster, inquiry: Inquiry) -> Raw:
    try:
        return cluster.find(NAMESPACE, cluster.namespace) or {}
    except Forbidden as error:
        inquiry.keep("namespace", error)
        return {}


def _slim(raw: Raw) -> Raw:
    """Return an object without what no rule reads: a ReplicaSet's copy of its Deployment's template."""
    if "template" in raw.get("spec", {}) and raw["metadata"].get("ownerReferences"):
        return {**raw, "spec": {key: value for key, value in raw["spec"].items() if key != "template"}}
    return raw


def _listed(cluster: ReadCluster, kind: Kind, inquiry: Inquiry) -> tuple[Raw, ...]:
    try:
        objects = cluster.list(kind)
    except Forbidden as error:
        if kind not in OPTIONAL:
            inquiry.keep(f"objects of kind {kind.name}", error)
    except BadConfig:
        pass  # a cluster without such a kind has no objects of it
    else:
        # Of events only warnings and ended containers: the objects themselves tell what is well.
        return tuple(raw for raw in objects if raw.get("type") != NORMAL or raw.get("reason") == ENDED)
    return ()


def _logs(cluster: ReadCluster, pod: Raw, inquiry: Inquiry) -> Iterator[ContainerLog]:
    name, status = str(pod["metadata"]["name"]), pod.get("status", {})
    statuses: Sequence[Raw] = (
        *(status.get("initContainerStatuses") or ()),
        *(status.get("containerStatuses") or ()),
    )
    for container_status in statuses:
        container = str(container_status["name"])
        for previous in (True, False) if container_status.get("restartCount") else (False,):
            try:
                text = cluster.log(name, container, previous=previous, lines=LOG_LINES)
            except LabError as error:
                inquiry.keep(f"log of {name}/{container}", error)
                if isinstance(error, Forbidden):
                    return  # nor may any other log be read
                continue
            if text:
                yield ContainerLog(name, container, tuple(text.splitlines()), previous)
