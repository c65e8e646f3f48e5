"""What the lab applies to a cluster and removes from it: ours, in order, and nothing else."""

from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

from lab.errors import UsageFault
from lab.targets.cluster.api import Applied, Cluster
from lab.targets.kube import STACK_LABEL, KubeObject

RESERVED: Final = ("kube-", "default")


class Kind(NamedTuple):
    """A kind of object that a stack may consist of."""

    api_version: str
    name: str


KINDS: Final = (
    Kind("apps/v1", "Deployment"),
    Kind("batch/v1", "Job"),
    Kind("policy/v1", "PodDisruptionBudget"),
    Kind("v1", "Service"),
    Kind("networking.k8s.io/v1", "NetworkPolicy"),
    Kind("v1", "ConfigMap"),
    Kind("v1", "Secret"),
    Kind("v1", "ServiceAccount"),
)
"""In the order in which they are removed: what runs goes before what it needs."""
NAMESPACE: Final = Kind("v1", "Namespace")


def check_namespace(cluster: Cluster, *, adopt: bool) -> None:
    """Refuse to change what is not ours (`decisions.md` D46).

    Raises:
        UsageFault: The namespace belongs to the cluster, or was made by somebody else and was not named as meant.
    """
    name = cluster.namespace
    if name.startswith(RESERVED):
        raise UsageFault(
            f"will not deploy into the namespace {name}",
            found="it belongs to the cluster",
            next_step="set namespace in lab.toml to one of your own, such as testbed",
            code="E_NOT_OURS",
        )
    found = cluster.find(*NAMESPACE, name)
    if found is not None and STACK_LABEL not in found["metadata"].get("labels", {}) and not adopt:
        raise UsageFault(
            f"will not deploy into the namespace {name}",
            found=f"it is there already and does not bear the label {STACK_LABEL}",
            next_step=f"lab up --target kubernetes --namespace {name} --adopt      (if you mean it)",
            code="E_NOT_OURS",
        )


def apply_all(cluster: Cluster, wanted: Sequence[KubeObject], *, force: bool = False) -> list[Applied]:
    """Apply in the given order; what an object needs stands before it.

    A namespace that is there and is not ours stays as it is, since it will stay when everything else goes.
    """
    namespace = cluster.find(*NAMESPACE, cluster.namespace)
    foreign = namespace is not None and STACK_LABEL not in namespace["metadata"].get("labels", {})
    return [
        cluster.apply(dict(one.body), force=force) for one in wanted if not (one.kind == NAMESPACE.name and foreign)
    ]


def remove_others(cluster: Cluster, wanted: Sequence[KubeObject], stack: str) -> list[str]:
    """Remove what the stack had and no longer wants; `kind/name` of each."""
    kept = {(one.kind, one.name) for one in wanted}
    return [
        f"{kind.name}/{name}"
        for kind in KINDS
        for name in _names(cluster, kind, stack)
        if (kind.name, name) not in kept and cluster.delete(*kind, name)
    ]


def remove_all(cluster: Cluster, stack: str) -> list[str]:
    """Remove every object of a stack; `kind/name` of each that was there. A namespace goes where the lab made it."""
    removed = [
        f"{kind.name}/{name}" for kind in KINDS for name in _names(cluster, kind, stack) if cluster.delete(*kind, name)
    ]
    namespace = cluster.find(*NAMESPACE, cluster.namespace)
    if namespace is not None and namespace["metadata"].get("labels", {}).get(STACK_LABEL) == stack:
        cluster.delete(*NAMESPACE, cluster.namespace)
        removed.append(f"{NAMESPACE.name}/{cluster.namespace}")
    return removed


def _names(cluster: Cluster, kind: Kind, stack: str) -> Iterator[str]:
    for found in cluster.list(*kind, selector=f"{STACK_LABEL}={stack}"):
        yield found["metadata"]["name"]
