"""Asks the API server which rights of the lab its user lacks."""

from collections.abc import Iterable

from lab.probes.ports import ReviewedCluster
from lab.snapshots.gaps import Denial
from lab.snapshots.kubernetes.rights import FAULTS_ROLE, Right
from lab.targets.kubernetes.rendering.rbac import needed_rights


def lacking_rights(cluster: ReviewedCluster, *, of_faults: bool = False) -> tuple[Denial, ...]:
    """Return the rights that the lab needs and its user lacks: those that only faults need, or all the others.

    Raises:
        LabError: The cluster does not answer.
    """
    rights = needed_rights(cluster.namespace)
    return missing_rights(cluster, (right for right in rights if (right.role == FAULTS_ROLE) is of_faults))


def missing_rights(cluster: ReviewedCluster, rights: Iterable[Right]) -> tuple[Denial, ...]:
    """Return which of some rights the user lacks; each once, whatever the object's name.

    Args:
        cluster: Asked by SelfSubjectAccessReview, which every user may do.
        rights: That are asked for.

    Raises:
        LabError: The cluster does not answer.
    """
    missing = [right for right in rights if not cluster.may(right)]
    # The API server's own name for the user is the one that a binding needs.
    user = cluster.user() if missing else ""
    denials = (Denial(right.verb, right.resource, right.namespace, right.group, user) for right in missing)
    return tuple(dict.fromkeys(denials))
