"""What the lab applies to a cluster and removes from it: ours, in order, and nothing else."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

from lab.errors import UsageFault
from lab.targets.kubernetes.client.cluster import Applied, Cluster
from lab.targets.kubernetes.objects import MANAGER, PART_OF, STACK_LABEL, KubeObject
from lab.targets.kubernetes.rollout.gate import Watched

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
LOOKED_FOR: Final = (*KINDS, Kind("v1", "Pod"), Kind("v1", "PersistentVolumeClaim"))
"""Of what would go with a namespace, the kinds that the lab may list."""
IN_EVERY_NAMESPACE: Final = (("ConfigMap", "kube-root-ca.crt"), ("ServiceAccount", "default"))
"""Kind and name of what Kubernetes itself puts there."""


class Removal(NamedTuple):
    """What a removal did.

    Attributes:
        gone: `kind/name` of each object that was there.
        others: The same of what is somebody else's, for which a namespace stays that the lab made.
    """

    gone: list[str]
    others: list[str]


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


def remove_all(cluster: Cluster, stack: str) -> Removal:
    """Remove every object of a stack. A namespace goes where the lab made it, and nobody else has put anything there.

    Secrets, which nobody may list, go by their names where there is a sign of the lab: in a namespace for it, or beside
    something of the stack, of which the last goes after them, lest a removal that breaks off leave them behind.
    """
    namespace = cluster.find(*NAMESPACE, cluster.namespace)
    ours = list(others(cluster, (), stack))
    is_for_the_lab = namespace is not None and namespace["metadata"].get("labels", {}).get(PART_OF) == MANAGER
    secrets = [(SECRET, name) for name in SECRETS] if ours or is_for_the_lab else []
    in_order = [*ours[:-1], *secrets, *ours[-1:]]
    removed = [f"{kind.name}/{name}" for kind, name in in_order if cluster.delete(*kind, name)]
    if namespace is None or not _is_of(stack, namespace):
        return Removal(removed, [])
    if others_left := list(_others_in(cluster, stack)):
        return Removal(removed, others_left)
    cluster.delete(*NAMESPACE, cluster.namespace)
    return Removal([*removed, f"{NAMESPACE.name}/{cluster.namespace}"], [])


def _others_in(cluster: Watched, stack: str) -> Iterator[str]:
    for kind in LOOKED_FOR:
        for found in cluster.list(*kind):
            name = found["metadata"]["name"]
            if not _is_of(stack, found) and (kind.name, name) not in IN_EVERY_NAMESPACE:
                yield f"{kind.name}/{name}"


def _is_of(stack: str, found: Mapping[str, Any]) -> bool:
    return bool((found["metadata"].get("labels") or {}).get(STACK_LABEL) == stack)


def _names(cluster: Watched, kind: Kind, stack: str) -> Iterator[str]:
    for found in cluster.list(*kind, selector=f"{STACK_LABEL}={stack}"):
        yield found["metadata"]["name"]
