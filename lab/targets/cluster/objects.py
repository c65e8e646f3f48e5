"""What the lab applies to a cluster and removes from it: ours, in order, and nothing else."""

from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

from lab.errors import UsageFault
from lab.targets.cluster.api import Applied, Cluster
from lab.targets.cluster.gate import Watched
from lab.targets.kube import MANAGER, PART_OF, STACK_LABEL, KubeObject

RESERVED: Final = ("kube-", "default")


class Kind(NamedTuple):
    """A kind of object that a stack may consist of."""

    api_version: str
    name: str


KINDS: Final = (
    Kind("apps/v1", "Deployment"),
    Kind("policy/v1", "PodDisruptionBudget"),
    Kind("v1", "Service"),
    Kind("networking.k8s.io/v1", "NetworkPolicy"),
    Kind("v1", "ConfigMap"),
    Kind("v1", "ServiceAccount"),
)
"""In the order in which they are removed: what runs goes before what it needs."""
SECRET: Final = Kind("v1", "Secret")
SECRETS: Final = ("lab-serving", "lab-store", "lab-prometheus", "lab-registry")
"""By name, since Secrets are not listed: that right would show everybody's."""
NAMESPACE: Final = Kind("v1", "Namespace")


def check_namespace(cluster: Cluster, *, adopt: bool) -> None:
    """Refuse to change what is not ours (`ARCHITECTURE.md` D46).

    Raises:
        UsageFault: The namespace belongs to the cluster, or was made by somebody else and was not named as meant.
    """
    name = cluster.namespace
    if name.startswith(RESERVED):
        raise UsageFault(
            f"will not deploy into the namespace {name}",
            found="it belongs to the cluster",
            next_step="lab up --target kubernetes --namespace testbed",
            code="E_NOT_OURS",
        )
    found = cluster.find(*NAMESPACE, name)
    if found is not None and found["metadata"].get("labels", {}).get(PART_OF) != MANAGER and not adopt:
        raise UsageFault(
            f"will not deploy into the namespace {name}",
            found=f"it is there already and does not bear the label {PART_OF}={MANAGER}",
            next_step=f"lab up --target kubernetes --namespace {name} --adopt      (if you mean it)",
            code="E_NOT_OURS",
        )


def apply_all(cluster: Cluster, wanted: Sequence[KubeObject], *, force: bool = False) -> list[Applied]:
    """Apply in the given order; what an object needs stands before it.

    A namespace that is there stays as it is: whoever may deploy into it need not be allowed to change it.
    """
    there = cluster.find(*NAMESPACE, cluster.namespace) is not None
    return [cluster.apply(dict(one.body), force=force) for one in wanted if not (there and one.kind == NAMESPACE.name)]


def remove_others(cluster: Cluster, wanted: Sequence[KubeObject], stack: str) -> list[str]:
    """Remove what the stack had and no longer wants; `kind/name` of each."""
    return [f"{kind.name}/{name}" for kind, name in others(cluster, wanted, stack) if cluster.delete(*kind, name)]


def others(cluster: Watched, wanted: Sequence[KubeObject], stack: str) -> Iterator[tuple[Kind, str]]:
    """What the stack has and no longer wants, in the order of removing; Secrets are left out."""
    kept = {(one.kind, one.name) for one in wanted}
    for kind in KINDS:
        yield from ((kind, name) for name in _names(cluster, kind, stack) if (kind.name, name) not in kept)


def remove_all(cluster: Cluster, stack: str) -> list[str]:
    """Remove every object of a stack; `kind/name` of each that was there. A namespace goes where the lab made it.

    Secrets, which nobody may list, go by their names where there is a sign of the lab: in a namespace for it, or beside
    something of the stack, of which the last goes after them, lest a removal that breaks off leave them behind.
    """
    namespace = cluster.find(*NAMESPACE, cluster.namespace)
    ours = list(others(cluster, (), stack))
    is_for_the_lab = namespace is not None and namespace["metadata"].get("labels", {}).get(PART_OF) == MANAGER
    secrets = [(SECRET, name) for name in SECRETS] if ours or is_for_the_lab else []
    in_order = [*ours[:-1], *secrets, *ours[-1:]]
    removed = [f"{kind.name}/{name}" for kind, name in in_order if cluster.delete(*kind, name)]
    if namespace is not None and namespace["metadata"].get("labels", {}).get(STACK_LABEL) == stack:
        cluster.delete(*NAMESPACE, cluster.namespace)
        removed.append(f"{NAMESPACE.name}/{cluster.namespace}")
    return removed


def _names(cluster: Watched, kind: Kind, stack: str) -> Iterator[str]:
    for found in cluster.list(*kind, selector=f"{STACK_LABEL}={stack}"):
        yield found["metadata"]["name"]
