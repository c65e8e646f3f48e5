"""What a cluster must offer before a stack is deployed: an API server, rights, a namespace."""

import shlex
from collections.abc import Iterator, Mapping
from typing import Final, NamedTuple

from lab.diagnosis import remedies
from lab.diagnosis.finding import Cure, Finding
from lab.diagnosis.rules.versions import numbers
from lab.snapshots.cluster import ClusterProbe
from lab.snapshots.snapshot import Snapshot

OLDEST: Final = (1, 30)
"""The first with `preStop.sleep`."""
CONTEXTS: Final = "kubectl config get-contexts"
REMEDIES: Final[Mapping[str, Cure]] = {
    "BAD_CONFIG": Cure("LAB_KUBECONFIG names the file, LAB_CONTEXT the context in it", CONTEXTS),
    "E_RBAC": Cure("the cluster does not know this user; log in again", "kubectl auth whoami"),
}
"""Reason of an error → why, and what to do."""
UNREACHABLE: Final = Cure("it does not run, or is not reached from here", "kubectl cluster-info")


class Unusable(NamedTuple):
    """Why a namespace cannot be deployed into: the evidence, why that matters, what helps."""

    evidence: str
    why: str
    do: str


def cluster_is_unreachable(snapshot: Snapshot) -> Iterator[Finding]:
    """The cluster that the settings name does not answer, or the kubeconfig cannot be used."""
    cluster = snapshot.cluster
    if cluster is not None and cluster.error:
        why, do = REMEDIES.get(cluster.reason, UNREACHABLE)
        yield Finding(
            cause="cluster-unreachable",
            object=f"Cluster/{cluster.server or 'unknown'}",
            title="the cluster cannot be asked",
            found=cluster.error,
            why=why,
            do=do,
        )


def cluster_is_too_old(snapshot: Snapshot) -> Iterator[Finding]:
    """The API server is older than what the manifests need."""
    cluster = snapshot.cluster
    if cluster is None or not cluster.version or numbers(cluster.version) >= OLDEST:
        return
    oldest = ".".join(map(str, OLDEST))
    yield Finding(
        cause="cluster-too-old",
        object=f"Cluster/{cluster.server}",
        title=f"the cluster is older than Kubernetes {oldest}",
        found=f"it is {cluster.version}; {oldest} or newer is needed",
        why="pods end in order by preStop.sleep; upgrade the cluster, or name another by LAB_CONTEXT",
        do=CONTEXTS,
    )


def nodes_are_not_listed(snapshot: Snapshot) -> Iterator[Finding]:
    """The nodes cannot be listed, so that nobody knows what may run where."""
    cluster = snapshot.cluster
    if cluster is not None and cluster.nodes_error:
        yield Finding(
            cause="nodes-not-listed",
            object="Nodes/all",
            title="the nodes of the cluster cannot be listed",
            found=cluster.nodes_error,
            why="without them nobody knows which architectures there are",
            do=remedies.grant(snapshot.namespace, cluster.login),
        )


def namespace_is_not_usable(snapshot: Snapshot) -> Iterator[Finding]:
    """The namespace cannot be deployed into."""
    cluster = snapshot.cluster
    fault = _unusable(snapshot, cluster) if cluster is not None and not cluster.error else None
    if fault is not None:
        name = snapshot.namespace
        yield Finding(
            cause="namespace-not-usable",
            object=f"Namespace/{name}",
            title=f"{name} cannot be deployed into",
            found=fault.evidence,
            why=fault.why,
            do=fault.do,
        )


def _unusable(snapshot: Snapshot, cluster: ClusterProbe) -> Unusable | None:
    """Return why the namespace cannot be deployed into; None where it can."""
    name, grant = snapshot.namespace, remedies.grant(snapshot.namespace, cluster.login)
    if cluster.namespace_is_reserved:
        return Unusable(
            f"{name} belongs to the cluster", "the lab never deploys into it", "export LAB_NAMESPACE=testbed"
        )
    if cluster.namespace_error:
        return Unusable(f"may not look at {name}", cluster.namespace_error, grant)
    metadata = snapshot.objects.namespace.get("metadata", {})
    if metadata.get("deletionTimestamp"):
        show = shlex.join(["kubectl", "get", "namespace", name, "-o", "jsonpath={.status.conditions}"])
        return Unusable(f"{name} is being removed", "nothing can be made in it any more", show)
    adopted = snapshot.settings is not None and snapshot.settings.adopt
    if cluster.namespace_is_ours is False and not adopted:
        adopt = shlex.join(["lab", "up", "--target", "kubernetes", "--namespace", name, "--adopt"])
        return Unusable(f"{name} is there already, and the lab did not make it", "it may hold another's work", adopt)
    if cluster.may_make_namespace is False:
        return Unusable(f"{name} is not there, and this user may not make it", "an administrator can", grant)
    return None
