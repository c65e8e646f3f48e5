"""Removes the objects of one stack."""

from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

from lab.snapshots.kubernetes import STACK_LABEL, Raw
from lab.snapshots.kubernetes.kinds import (
    CONFIG_MAP,
    DEPLOYMENT,
    NAMESPACE,
    NETWORK_POLICY,
    POD,
    POD_DISRUPTION_BUDGET,
    SECRET,
    SERVICE,
    SERVICE_ACCOUNT,
    VOLUME_CLAIM,
    Kind,
)
from lab.targets.kubernetes.applying.namespace import is_for_the_lab
from lab.targets.kubernetes.client.port import Changer, Lister
from lab.targets.kubernetes.objects import KubeObject
from lab.targets.kubernetes.secret_names import SECRET_NAMES

REMOVAL_ORDER: Final = (DEPLOYMENT, POD_DISRUPTION_BUDGET, SERVICE, NETWORK_POLICY, CONFIG_MAP, SERVICE_ACCOUNT)
"""Kinds of a stack's objects, in the order of removing: a workload goes before the objects that it needs."""
LISTED: Final = (*REMOVAL_ORDER, POD, VOLUME_CLAIM)
"""Kinds of objects that would go with a namespace and that the lab may list."""
IN_EVERY_NAMESPACE: Final = (("ConfigMap", "kube-root-ca.crt"), ("ServiceAccount", "default"))
"""Kind and name of the objects that Kubernetes itself makes in a namespace."""


class Removal(NamedTuple):
    """The result of a removal.

    Attributes:
        removed: `kind/name` of each object that was removed.
        foreign: `kind/name` of each object of others, which keeps a namespace that the lab made.
    """

    removed: list[str]
    foreign: list[str]


def remove_unwanted(cluster: Changer, wanted: Sequence[KubeObject], stack: str) -> list[str]:
    """Remove the objects that a stack has and no longer wants; return `kind/name` of each."""
    return [f"{kind.name}/{name}" for kind, name in unwanted(cluster, wanted, stack) if cluster.delete(kind, name)]


def unwanted(cluster: Lister, wanted: Sequence[KubeObject], stack: str) -> Iterator[tuple[Kind, str]]:
    """Yield the objects that a stack has and no longer wants, in the order of removing. Secrets are left out."""
    kept = {(item.kind, item.name) for item in wanted}
    for kind in REMOVAL_ORDER:
        for item in cluster.list(kind, selector=f"{STACK_LABEL}={stack}"):
            name = item["metadata"]["name"]
            if (kind.name, name) not in kept:
                yield kind, name


def remove_all(cluster: Changer, stack: str) -> Removal:
    """Remove every object of a stack, then the namespace if the lab made it and it holds no other objects.

    Nothing else is removed.

    Secrets are removed by their names, and only with a sign of the lab: the namespace is for the lab, or there are
    other objects of the stack. The last of these objects is removed after the Secrets, so that an interrupted removal
    leaves a sign for the next removal.
    """
    namespace = cluster.find(NAMESPACE, cluster.namespace)
    listed = list(unwanted(cluster, (), stack))
    has_sign = bool(listed) or (namespace is not None and is_for_the_lab(namespace))
    secrets = [(SECRET, name) for name in SECRET_NAMES] if has_sign else []
    in_order = [*listed[:-1], *secrets, *listed[-1:]]
    removed = [f"{kind.name}/{name}" for kind, name in in_order if cluster.delete(kind, name)]
    if namespace is None or not _is_of(stack, namespace):
        return Removal(removed, [])
    if foreign := list(_foreign(cluster, stack)):
        return Removal(removed, foreign)
    cluster.delete(NAMESPACE, cluster.namespace)
    return Removal([*removed, f"{NAMESPACE.name}/{cluster.namespace}"], [])


def _foreign(cluster: Lister, stack: str) -> Iterator[str]:
    for kind in LISTED:
        for item in cluster.list(kind):
            name = item["metadata"]["name"]
            if not _is_of(stack, item) and (kind.name, name) not in IN_EVERY_NAMESPACE:
                yield f"{kind.name}/{name}"


def _is_of(stack: str, item: Raw) -> bool:
    return bool((item["metadata"].get("labels") or {}).get(STACK_LABEL) == stack)
