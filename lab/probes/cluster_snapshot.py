"""One whole look at a stack on a cluster: objects, logs, processes, what they depend on."""

import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path
from typing import Final, Protocol, TypeVar

from lab.errors import LabError, Unavailable
from lab.model import Endpoints
from lab.probes.kubernetes_objects import denials_in, look_at_objects
from lab.probes.telemetry import Ledger, Samples, collector_counters, last_samples, watch_ledger
from lab.snapshots.probes import (
    ClockProbe,
    Denial,
    ImageProbe,
    LedgerProbe,
    Probes,
    ProcessProbe,
    PrometheusProbe,
    RegistryProbe,
    StoreProbe,
)
from lab.snapshots.snapshot import Objects, Snapshot, Wanted
from lab.targets.kubernetes.client.cluster import Cluster
from lab.targets.kubernetes.deployment import ClusterDeployment
from lab.targets.kubernetes.target import KubernetesTarget
from services.contracts.signals import PROMISED

T = TypeVar("T")
REFUSED: Final = "PROM_REFUSED"
"""Reason of an error: a metrics server answered, and gave no samples."""
BUILD_LOG_LINES: Final = 60
BUILD_LOG_S: Final = 600.0
"""An older build says nothing about what is wrong now."""


class Outside(Protocol):
    """Asks what is not in the namespace; every answer is a probe, never an error."""

    def rights(self, cluster: Cluster) -> Sequence[Denial]:
        """What the lab needs and may not."""

    def registry(self) -> RegistryProbe | None:
        """The registry that images come from; None where none is configured."""

    def images(self, references: Iterable[str]) -> Sequence[ImageProbe]:
        """What the registry knows of images, those of other registries left out."""

    def store(self) -> StoreProbe | None:
        """The store outside the cluster; None where it is inside."""

    def prometheus(self) -> PrometheusProbe | None:
        """The metrics server outside the cluster; None where it is inside."""

    def samples(self, endpoints: Endpoints) -> Samples:
        """Metrics of a stack."""

    def ledger(self, endpoints: Endpoints) -> Ledger:
        """The account of a stack."""


@dataclass(frozen=True, slots=True)
class Asked:
    """Asks for one part of a look after the other; what is refused or does not answer costs that part alone.

    Attributes:
        denials: What was refused.
    """

    denials: list[Denial]

    def __call__(self, ask: Callable[[], T], otherwise: T) -> T:
        """The answer, or *otherwise*."""
        try:
            return ask()
        except LabError as error:
            self.denials.extend(denials_in(error))
            return otherwise


@dataclass(frozen=True, slots=True)
class ClusterLook:
    """Satisfies `lab.snapshots.port.SnapshotSource`.

    Attributes:
        target: The cluster, and what was to be deployed there.
        outside: What the stack depends on.
        build_log: File that the last build of images wrote.
    """

    target: KubernetesTarget
    outside: Outside
    build_log: Path

    def take(self) -> Snapshot:
        """See `SnapshotSource.take`.

        Raises:
            Unavailable: There is no such namespace, or nobody answers there.
        """
        cluster = self.target.cluster()
        seen = look_at_objects(cluster)
        if not seen.objects.namespace and not seen.denials:
            raise Unavailable(
                f"no namespace {cluster.namespace} in this cluster",
                found=f"it is {cluster.where.server} as {cluster.where.user}",
                next_step="lab up --target kubernetes",
            )
        asked = Asked([*seen.denials])
        asked.denials.extend(asked(lambda: self.outside.rights(cluster), ()))
        probes = self._of_what_runs(self._of_what_is_outside(seen.objects), asked)
        return Snapshot(
            namespace=cluster.namespace,
            taken_at=time.time(),
            lab_version=version("observability-lab"),
            objects=seen.objects,
            logs=seen.logs,
            probes=replace(probes, denials=tuple(dict.fromkeys(asked.denials))),
            wanted=tuple(Wanted(*of, image, cluster.namespace) for of, image in self.target.images.items()),
        )

    def _of_what_is_outside(self, objects: Objects) -> Probes:
        registry = self.outside.registry()
        images = () if registry is None or not registry.reachable else tuple(self.outside.images(_images(objects)))
        return Probes(
            registries=(registry,) if registry else (),
            images=images,
            store=self.outside.store(),
            prometheus=self.outside.prometheus(),
            build_log=self._last_build(),
        )

    def _of_what_runs(self, probes: Probes, asked: Asked) -> Probes:
        """What processes, collector, ledger and metrics say, each as far as it can be reached."""
        deployment = asked(self.target.current, None)
        if deployment is None:
            return probes
        try:
            return replace(
                probes,
                processes=asked(lambda: tuple(_processes(deployment)), ()),
                clocks=asked(lambda: tuple(_clocks(deployment)), ()),
                collector=collector_counters(asked(deployment.collector_page, "")),
                ledger=asked(lambda: self._ledger(deployment), None),
                prometheus=self._with_samples(probes.prometheus, deployment),
            )
        finally:
            deployment.close()

    def _ledger(self, deployment: ClusterDeployment) -> LedgerProbe:
        query = deployment.address_of("query-api")
        return watch_ledger(self.outside.ledger(replace(deployment.outside, query=query)))

    def _with_samples(self, probe: PrometheusProbe | None, deployment: ClusterDeployment) -> PrometheusProbe | None:
        """A server's probe with its samples, or with why it gave none; None where there is no server."""
        if probe is not None and not probe.reachable:
            return probe
        promised = tuple(signal.prometheus_name for signal in PROMISED.values())
        name = f"http://prometheus.{deployment.cluster.namespace}.svc:9090"
        found = probe or PrometheusProbe(name, reachable=True, inside=True)
        try:
            where = deployment.outside
            if not where.prometheus_url:
                return probe
            return replace(found, samples=last_samples(self.outside.samples(where), promised))
        except LabError as error:
            # A server inside is asked through a port-forward: where that fails, pods may reach it all the same.
            answers = None if found.inside and error.reason != REFUSED else True
            return replace(found, reachable=answers, error=found.error or error.found or error.attempted)

    def _last_build(self) -> tuple[str, ...]:
        with suppress(OSError):
            if time.time() - self.build_log.stat().st_mtime < BUILD_LOG_S:
                return tuple(self.build_log.read_text(errors="replace").splitlines()[-BUILD_LOG_LINES:])
        return ()


def _processes(deployment: ClusterDeployment) -> Iterable[ProcessProbe]:
    """What processes say of themselves; those that do not answer are told apart by their pods already."""
    for pod, status in deployment.processes():
        if status.instance_id:
            yield ProcessProbe(pod.name, status.instance_id, status.host_architecture)


def _clocks(deployment: ClusterDeployment) -> Iterable[ClockProbe]:
    return (ClockProbe(one.node, one.offset_s, one.error_s) for one in deployment.clocks())


def _images(objects: Objects) -> tuple[str, ...]:
    """Every image that a container is to run."""
    specs = [pod["spec"] for pod in objects.pods]
    containers = [one for spec in specs for one in (*(spec.get("initContainers") or ()), *spec["containers"])]
    return tuple(dict.fromkeys(str(one["image"]) for one in containers))
