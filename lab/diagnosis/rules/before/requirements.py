"""What a cluster must offer before a stack is deployed: an API server, rights, a namespace."""

import shlex
from collections.abc import Iterator, Mapping
from typing import Final

from lab.diagnosis import remedies
from lab.diagnosis.finding import Finding
from lab.diagnosis.rules.versions import numbers
from lab.snapshots.cluster import ClusterProbe
from lab.snapshots.snapshot import Snapshot

OLDEST: Final = (1, 30)
"""The first with `preStop.sleep`."""
NAMESPACE: Final = "namespace-not-usable"
CONTEXTS: Final = "kubectl config get-contexts"
REMEDIES: Final[Mapping[str, tuple[str, str]]] = {
    "BAD_CONFIG": ("LAB_KUBECONFIG names the file, LAB_CONTEXT the context in it", CONTEXTS),
    "E_RBAC": ("the cluster does not know this user; log in again", "kubectl auth whoami"),
}
"""Reason of an error → why, and what to do."""
UNREACHABLE: Final = ("it does not run, or is not reached from here", "kubectl cluster-info")


def cluster_is_unreachable(snapshot: Snapshot) -> Iterator[Finding]:
    """The cluster that the settings name does not answer, or the kubeconfig cannot be used."""
    cluster = snapshot.cluster
    if cluster is not None and cluster.error:
        why, do = REMEDIES.get(cluster.reason, UNREACHABLE)
        yield Finding(
            "cluster-unreachable",
            f"Cluster/{cluster.server or 'unknown'}",
            "the cluster cannot be asked",
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
        "cluster-too-old",
        f"Cluster/{cluster.server}",
        f"the cluster is older than Kubernetes {oldest}",
        found=f"it is {cluster.version}; {oldest} or newer is needed",
        why="pods end in order by preStop.sleep; upgrade the cluster, or name another by LAB_CONTEXT",
        do=CONTEXTS,
    )


def nodes_are_not_listed(snapshot: Snapshot) -> Iterator[Finding]:
    """The nodes cannot be listed, so that nobody knows what may run where."""
    cluster = snapshot.cluster
    if cluster is not None and cluster.nodes_error:
        yield Finding(
            "nodes-not-listed",
            "Nodes/all",
            "the nodes of the cluster cannot be listed",
            found=cluster.nodes_error,
            why="without them nobody knows which architectures there are",
            do=remedies.grant(snapshot.namespace, cluster.login),
        )


def namespace_is_not_usable(snapshot: Snapshot) -> Iterator[Finding]:
    """The namespace cannot be deployed into."""
    cluster = snapshot.cluster
    fault = _unusable(snapshot, cluster) if cluster is not None and not cluster.error else None
    if fault is not None:
        name, (evidence, why, do) = snapshot.namespace, fault
        title = f"{name} cannot be deployed into"
        yield Finding(NAMESPACE, f"Namespace/{name}", title, found=evidence, why=why, do=do)


def _unusable(snapshot: Snapshot, cluster: ClusterProbe) -> tuple[str, str, str] | None:
    """Return what is wrong with the namespace, why that matters, what helps; None where it can be used."""
    name, grant = snapshot.namespace, remedies.grant(snapshot.namespace, cluster.login)
    if cluster.namespace_is_reserved:
        return f"{name} belongs to the cluster", "the lab never deploys into it", "export LAB_NAMESPACE=testbed"
    if cluster.namespace_error:
        return f"may not look at {name}", cluster.namespace_error, grant
    metadata = snapshot.objects.namespace.get("metadata", {})
    if metadata.get("deletionTimestamp"):
        show = shlex.join(["kubectl", "get", "namespace", name, "-o", "jsonpath={.status.conditions}"])
        return f"{name} is being removed", "nothing can be made in it any more", show
    adopted = snapshot.settings is not None and snapshot.settings.adopt
    if cluster.namespace_is_ours is False and not adopted:
        adopt = shlex.join(["lab", "up", "--target", "kubernetes", "--namespace", name, "--adopt"])
        return f"{name} is there already, and the lab did not make it", "it may hold another's work", adopt
    if cluster.may_make_namespace is False:
        return f"{name} is not there, and this user may not make it", "an administrator can", grant
    return None
