"""Applies the objects of a stack in their order."""

from collections.abc import Sequence

from lab.snapshots.kubernetes.kinds import NAMESPACE
from lab.targets.kubernetes.client.port import Applied, Changer
from lab.targets.kubernetes.objects import KubeObject


def apply_all(cluster: Changer, wanted: Sequence[KubeObject], *, force: bool = False) -> list[Applied]:
    """Apply objects in the given order; an object comes after the objects that it needs.

    An existing namespace stays as it is, so that a user who deploys into a namespace needs no right to change it.

    Raises:
        Exists: Another manager owns a field and *force* is off.
        Forbidden: The user may not apply one of the objects.
    """
    is_there = cluster.find(NAMESPACE, cluster.namespace) is not None
    return [
        cluster.apply(dict(item.body), force=force) for item in wanted if not (is_there and item.kind == NAMESPACE.name)
    ]
