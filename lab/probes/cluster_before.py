"""Takes a snapshot of a cluster before a deployment."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from importlib.metadata import version
from typing import Final

from lab.errors import LabError
from lab.probes.cluster_choices import choices_on_a_cluster
from lab.probes.error_text import text_of_error
from lab.probes.ports import AskedCluster, Dependencies, Stacks
from lab.probes.rights import lacking_rights
from lab.settings import LabSettings
from lab.snapshots.answers import Probes
from lab.snapshots.choices import SettingsProbe
from lab.snapshots.cluster import ClusterProbe
from lab.snapshots.gaps import Denial
from lab.snapshots.kubernetes import Raw
from lab.snapshots.kubernetes.kinds import NAMESPACE, NODE
from lab.snapshots.kubernetes.rights import Right
from lab.snapshots.snapshot import Objects, Snapshot
from lab.targets.kubernetes.applying.namespace import RESERVED, is_for_the_lab

MAKE_NAMESPACE: Final = Right("create", "", "namespaces", "", "", "")


def snapshot_before(
    settings: LabSettings, dependencies: Dependencies, stacks: Stacks, *, clock: Callable[[], float]
) -> Snapshot:
    """Return a snapshot of what a stack with these settings would depend on. Nothing is changed anywhere.

    Where the cluster does not answer, what is in the cluster is left out, and the rest is asked all the same.

    Args:
        settings: Choose the namespace, and what a stack in it depends on.
        dependencies: Ask what is outside the cluster.
        stacks: Open the cluster.
        clock: Returns seconds since the epoch.
    """
    cluster, objects, denials = _probe_cluster(stacks)
    chosen = choices_on_a_cluster(settings)
    return Snapshot(
        namespace=settings.namespace,
        taken_at=clock(),
        lab_version=version("observability-lab"),
        objects=objects,
        probes=_probe_choices(dependencies, chosen, denials),
        moment="before",
        settings=chosen,
        cluster=cluster,
    )


def _probe_cluster(stacks: Stacks) -> tuple[ClusterProbe, Objects, tuple[Denial, ...]]:
    """Return the cluster, its nodes and its namespace, and the rights that the lab lacks."""
    try:
        cluster = stacks.cluster()
        where = cluster.where
        probe = ClusterProbe(where.server, where.user, where.context, cluster.version())
        if cluster.namespace.startswith(RESERVED):
            return replace(probe, namespace_is_reserved=True), Objects(), ()
        denials = lacking_rights(cluster)
        probe = replace(probe, login=cluster.user(), lacking_for_faults=lacking_rights(cluster, of_faults=True))
    except LabError as error:
        return ClusterProbe(error=text_of_error(error), reason=error.reason), Objects(), ()
    probe, nodes = _nodes(cluster, probe)
    probe, namespace = _namespace(cluster, probe)
    return probe, Objects(namespace=namespace, nodes=tuple(nodes)), denials


def _nodes(cluster: AskedCluster, probe: ClusterProbe) -> tuple[ClusterProbe, Sequence[Raw]]:
    try:
        return probe, cluster.list(NODE)
    except LabError as error:
        return replace(probe, nodes_error=text_of_error(error)), ()


def _namespace(cluster: AskedCluster, probe: ClusterProbe) -> tuple[ClusterProbe, Raw]:
    try:
        raw = cluster.find(NAMESPACE, cluster.namespace)
        if raw is None:
            return replace(probe, may_make_namespace=cluster.may(MAKE_NAMESPACE)), {}
    except LabError as error:
        return replace(probe, namespace_error=text_of_error(error)), {}
    return replace(probe, namespace_is_ours=is_for_the_lab(raw)), raw


def _probe_choices(ask: Dependencies, chosen: SettingsProbe, denials: tuple[Denial, ...]) -> Probes:
    """Ask registry, store and metrics server; a registry that does not answer is not asked for the locked images."""
    registry = ask.registry()
    wanted = [image.reference for image in chosen.images if image.reference]
    if registry is not None and registry.reachable and not registry.error and chosen.lock is not None:
        wanted += [image.reference for image in chosen.lock.images]
    return Probes(
        registries=(registry,) if registry else (),
        images=tuple(ask.images(wanted)),
        store=ask.store(),
        prometheus=ask.prometheus(),
        denials=denials,
    )
