"""What the lab applies to a cluster and removes from it: ours, in order, and nothing else."""

from collections.abc import Iterator, Sequence
from typing import Any, Final, NamedTuple

from lab.errors import UsageFault
from lab.targets.cluster.api import Applied, Cluster

STACK: Final = "lab.observability/stack"
"""The label of everything that a stack consists of; its value is the stack's name."""
RESERVED: Final = ("kube-", "default")
Object = dict[str, Any]


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
    if found is not None and STACK not in found["metadata"].get("labels", {}) and not adopt:
        raise UsageFault(
            f"will not deploy into the namespace {name}",
            found=f"it is there already and does not bear the label {STACK}",
            next_step=f"lab up --target kubernetes --namespace {name} --adopt      (if you mean it)",
            code="E_NOT_OURS",
        )


def apply_all(cluster: Cluster, wanted: Sequence[Object], *, force: bool = False) -> list[Applied]:
    """Apply in the given order; what an object needs stands before it."""
    return [cluster.apply(one, force=force) for one in wanted]


def remove_all(cluster: Cluster, stack: str) -> list[str]:
    """Remove every object of a stack; `kind/name` of each that was there. A namespace goes where the lab made it."""
    removed = [
        f"{kind.name}/{name}" for kind in KINDS for name in _names(cluster, kind, stack) if cluster.delete(*kind, name)
    ]
    namespace = cluster.find(*NAMESPACE, cluster.namespace)
    if namespace is not None and namespace["metadata"].get("labels", {}).get(STACK) == stack:
        cluster.delete(*NAMESPACE, cluster.namespace)
        removed.append(f"{NAMESPACE.name}/{cluster.namespace}")
    return removed


def _names(cluster: Cluster, kind: Kind, stack: str) -> Iterator[str]:
    for found in cluster.list(*kind, selector=f"{STACK}={stack}"):
        yield found["metadata"]["name"]
