"""Takes a snapshot of a cluster before a deployment."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from importlib.metadata import version
from typing import Final

from lab.errors import LabError
from lab.images.lock import FILE_NAME, read_lock
from lab.probes.error_text import text_of_error
from lab.probes.ports import AskedCluster, Dependencies, Stacks
from lab.probes.rights import lacking_rights
from lab.settings import LabSettings
from lab.snapshots.before import ClusterProbe, ImageSetting, LockedImage, LockProbe, SettingsProbe, Source
from lab.snapshots.kubernetes import Raw
from lab.snapshots.probes import Denial, Probes
from lab.snapshots.snapshot import Objects, Snapshot
from lab.systems.services import SERVICES
from lab.targets.kubernetes.applying.namespace import RESERVED, is_for_the_lab
from lab.targets.kubernetes.client.rights import Right
from lab.targets.kubernetes.kinds import NAMESPACE, NODE
from lab.targets.kubernetes.rendering.from_settings import architectures_of, single_images
from lab.targets.kubernetes.rendering.never_applied import PINNED
from lab.targets.kubernetes.rendering.request import labels_in, tolerations_in

MAKE_NAMESPACE: Final = Right("create", "", "namespaces", "", "", "")
SETTINGS: Final[Mapping[str, str]] = {
    "otel-collector": "LAB_COLLECTOR_IMAGE",
    "redis": "LAB_REDIS_IMAGE",
    "prometheus": "LAB_PROMETHEUS_IMAGE",
}
"""Workload that a stack has once → the setting that names its image."""


def snapshot_before(settings: LabSettings, dependencies: Dependencies, stacks: Stacks) -> Snapshot:
    """Return a snapshot of what a stack with these settings would depend on. Nothing is changed anywhere.

    Where the cluster does not answer, what is in the cluster is left out, and the rest is asked all the same.

    Args:
        settings: Choose the namespace, and what a stack in it depends on.
        dependencies: Ask what is outside the cluster.
        stacks: Open the cluster.
    """
    cluster, objects, denials = _probe_cluster(stacks)
    chosen = probe_settings(settings)
    return Snapshot(
        namespace=settings.namespace,
        taken_at=time.time(),
        lab_version=version("observability-lab"),
        objects=objects,
        probes=_probe_choices(dependencies, chosen, denials),
        moment="before",
        settings=chosen,
        cluster=cluster,
    )


def probe_settings(settings: LabSettings) -> SettingsProbe:
    """Return what the settings choose for a stack on a cluster."""
    singles = single_images(settings)
    return SettingsProbe(
        architectures=architectures_of(settings),
        node_selector=labels_in(settings.node_selector),
        tolerations=tolerations_in(settings.tolerations),
        tolerations_text=settings.tolerations,
        adopt=settings.adopt,
        registry=settings.registry,
        registry_is_plain=settings.registry_insecure,
        images=tuple(
            ImageSetting(SETTINGS[workload], image, bool(PINNED.fullmatch(image)))
            for workload, image in singles.items()
        ),
        lock=_lock(settings),
        store=_source(settings.redis_url, settings.redis_image),
        redis_url=settings.redis_url,
        prometheus=_source(settings.prometheus_url, settings.prometheus_image),
        prometheus_url=settings.prometheus_url,
        remote_write_url=settings.remote_write_url,
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


def _lock(settings: LabSettings) -> LockProbe:
    """Return what the lock holds of every service on every architecture."""
    try:
        lock = read_lock(settings.project / FILE_NAME)
    except LabError as error:
        return LockProbe(error=text_of_error(error))
    wanted = [(service, architecture) for service in SERVICES for architecture in architectures_of(settings)]
    held = [place for place in wanted if place[1] in lock.images.get(place[0], {})]
    return LockProbe(
        registry=lock.registry,
        tag=lock.tag,
        images=tuple(LockedImage(*place, lock.reference(*place)) for place in held),
        missing=tuple(place for place in wanted if place not in held),
    )


def _source(url: str, image: str) -> Source:
    if url:
        return "outside"
    return "inside" if image else ""
