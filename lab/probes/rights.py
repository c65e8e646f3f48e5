"""Looks at what the lab's user may do in a cluster, by asking the API server itself."""

from collections.abc import Iterable

from lab.snapshots.probes import Denial
from lab.targets.kubernetes.client.cluster import Cluster
from lab.targets.kubernetes.client.rights import Right


def missing_rights(cluster: Cluster, rules: Iterable[Right]) -> tuple[Denial, ...]:
    """Which of these rights the user does not have; each is named once, whatever the object's name.

    Args:
        cluster: Asked by SelfSubjectAccessReview, which everybody may do.
        rules: For example `lab.targets.kubernetes.rendering.render.needed_rights(namespace)`.

    Raises:
        LabError: The cluster does not answer.
    """
    missing = [one for one in rules if not cluster.may(one)]
    # As the API server calls the user, since that is the name a binding needs.
    user = cluster.user() if missing else ""
    return tuple(dict.fromkeys(Denial(one.verb, one.resource, one.namespace, one.group, user) for one in missing))
