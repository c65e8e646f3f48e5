"""Decides whether the lab may deploy into a namespace."""

from typing import Final

from lab.errors import UsageFault
from lab.snapshots.kubernetes import Raw
from lab.snapshots.kubernetes.kinds import NAMESPACE
from lab.targets.kubernetes.client.port import Reader
from lab.targets.kubernetes.objects import MANAGER, PART_OF

RESERVED: Final = ("kube-", "default")
"""Beginnings of the names of namespaces that belong to the cluster."""


def check_namespace(cluster: Reader, *, adopt: bool) -> None:
    """Refuse a namespace that is not the lab's.

    Args:
        cluster: Cluster of the namespace.
        adopt: Whether the user accepts a namespace that was not made for the lab.

    Raises:
        UsageFault: The namespace belongs to the cluster, or was not made for the lab and is not to be adopted.
    """
    name = cluster.namespace
    if name.startswith(RESERVED):
        raise UsageFault(
            f"will not deploy into the namespace {name}",
            found="it belongs to the cluster",
            next_step="lab up --target kubernetes --namespace testbed",
            code="E_NOT_OURS",
        )
    namespace = cluster.find(NAMESPACE, name)
    if namespace is not None and not is_for_the_lab(namespace) and not adopt:
        raise UsageFault(
            f"will not deploy into the namespace {name}",
            found=f"it exists already, without the label {PART_OF}={MANAGER}",
            next_step=f"lab up --target kubernetes --namespace {name} --adopt      (if you mean it)",
            code="E_NOT_OURS",
        )


def is_for_the_lab(namespace: Raw) -> bool:
    """Return whether a namespace was made for the lab, by the lab or by an administrator."""
    return bool((namespace["metadata"].get("labels") or {}).get(PART_OF) == MANAGER)
