"""Applies the objects of a stack in their order."""

from collections.abc import Sequence

from lab.targets.kubernetes.client.changing import Applied
from lab.targets.kubernetes.client.cluster import Cluster
from lab.targets.kubernetes.kinds import NAMESPACE
from lab.targets.kubernetes.objects import KubeObject


def apply_all(cluster: Cluster, wanted: Sequence[KubeObject], *, force: bool = False) -> list[Applied]:
    """Apply objects in the given order, in which an object comes after those that it needs.

    A namespace that is there is left as it is, so that a user who may deploy into it need not be allowed to change it.

    Raises:
        Exists: Another manager owns a field and *force* is off.
        Forbidden: The user may not apply one of the objects.
    """
    is_there = cluster.find(*NAMESPACE, cluster.namespace) is not None
    return [
        cluster.apply(dict(item.body), force=force) for item in wanted if not (is_there and item.kind == NAMESPACE.name)
    ]
