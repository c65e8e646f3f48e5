"""Deployments of the stack that are gone."""

from collections.abc import Iterator, Mapping
from typing import Final

from lab.diagnosis import remedies
from lab.diagnosis.finding import Finding, name_of
from lab.snapshots.kubernetes import STACK_LABEL, KubernetesObject
from lab.snapshots.snapshot import Snapshot, Wanted

INCOMPLETE_S: Final = 30.0
"""How long after its first object a stack may be incomplete."""


def deployments_that_are_gone(snapshot: Snapshot) -> Iterator[Finding]:
    """A Deployment that the lab applies is missing, while other parts of its stack exist."""
    parts = list(_parts_of_the_stack(snapshot))
    if not parts or not snapshot.wanted or min(snapshot.age_s(part.created_at) for part in parts) <= INCOMPLETE_S:
        return
    for ref, evidence in _missing(snapshot):
        yield Finding(
            cause="not-deployed",
            object=ref,
            title=f"{name_of(ref)} is not deployed",
            found=f"{evidence}; {len(parts)} other parts of the stack are there",
            why="it was deleted, or the stack was never applied completely",
            do=remedies.up(snapshot.namespace),
            rests_on=("list deployments",),
        )


def _missing(snapshot: Snapshot) -> Iterator[tuple[str, str]]:
    """Yield every missing Deployment with the evidence; the namespace alone where no Deployment is left."""
    deployed = {deployment.name for deployment in map(KubernetesObject, snapshot.objects.deployments)}
    architectures: dict[str, set[str]] = {}
    for wanted in snapshot.wanted:
        present = architectures.setdefault(wanted.service, set())
        if _names(wanted) & deployed:
            present.add(wanted.architecture)
    if not any(architectures.values()):
        yield f"Namespace/{snapshot.namespace}", "there is no Deployment of any service"
        return
    for wanted in snapshot.wanted:
        if not _names(wanted) & deployed and _is_expected(wanted, architectures):
            yield f"Deployment/{wanted.service}-{wanted.architecture}", f"there is no Deployment of {wanted.image}"


def _parts_of_the_stack(snapshot: Snapshot) -> Iterator[KubernetesObject]:
    """Yield the objects that the lab applied and that exist."""
    objects = snapshot.objects
    for part in map(KubernetesObject, (*objects.deployments, *objects.config_maps, *objects.network_policies)):
        if STACK_LABEL in part.labels:
            yield part
    for deployment in map(KubernetesObject, objects.deployments):
        if STACK_LABEL not in deployment.labels and snapshot.is_wanted(f"Deployment/{deployment.name}"):
            yield deployment


def _names(wanted: Wanted) -> set[str]:
    return {wanted.service, f"{wanted.service}-{wanted.architecture}"}


def _is_expected(wanted: Wanted, deployed: Mapping[str, set[str]]) -> bool:
    """Return whether this stack should have a Deployment, judged by the architectures of the services deployed.

    The lock has images for more architectures than a stack may run on.
    """
    used = set[str]().union(*deployed.values())
    on_several = any(len(architectures) > 1 for architectures in deployed.values())
    return wanted.architecture in used and (on_several or not deployed[wanted.service])
