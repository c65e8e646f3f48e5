"""Takes a snapshot of a stack on a cluster: objects, logs, processes, servers around it."""

import time
from collections.abc import Callable, Iterable
from contextlib import closing, suppress
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from typing import Final

from lab.errors import LabError, Unavailable
from lab.images.lock import locked_images
from lab.metrics.refusals import REFUSED
from lab.probes.cluster_before import snapshot_before
from lab.probes.error_text import cause_of_error
from lab.probes.inquiry import Inquiry
from lab.probes.kubernetes_objects import read_objects
from lab.probes.ports import Dependencies, RunningStack, Stacks
from lab.probes.rights import lacking_rights
from lab.probes.telemetry import collector_counters, last_samples, watch_ledger
from lab.settings import LabSettings
from lab.snapshots.answers import ClockProbe, LedgerProbe, Probes, ProcessProbe, PrometheusProbe
from lab.snapshots.snapshot import Moment, Objects, Snapshot, Wanted

BUILD_LOG_LINES: Final = 60
BUILD_LOG_S: Final = 600.0
"""An older build tells nothing about what is wrong now."""


class ClusterSnapshots:
    """Satisfies `lab.snapshots.port.SnapshotSource`.

    Args:
        settings: Name the namespace, and what the stack depends on.
        dependencies: Ask what the stack depends on.
        stacks: The cluster and its stack.
        clock: Returns seconds since the epoch.
    """

    def __init__(
        self,
        settings: LabSettings,
        *,
        dependencies: Dependencies,
        stacks: Stacks,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._settings, self._dependencies, self._stacks, self._clock = settings, dependencies, stacks, clock

    def take(self, moment: Moment = "after") -> Snapshot:
        """See `SnapshotSource.take`.

        Raises:
            Unavailable: After a deployment: there is no such namespace, or no API server answers.
        """
        if moment == "before":
            return snapshot_before(self._settings, self._dependencies, self._stacks, clock=self._clock)
        return self._after()

    def _after(self) -> Snapshot:
        cluster = self._stacks.cluster()
        read = read_objects(cluster)
        if not (read.objects.namespace or read.denials or read.unanswered):
            raise Unavailable(
                f"no namespace {cluster.namespace} in this cluster",
                found=f"it is {cluster.where.server} as {cluster.where.user}",
                next_step="lab up --target kubernetes",
            )
        inquiry = Inquiry([*read.denials], [*read.unanswered])
        inquiry.deny(inquiry.ask("rights", lambda: lacking_rights(cluster), ()))
        wanted: tuple[Wanted, ...] = inquiry.ask("images.lock", self._wanted, ())
        probes = self._of_what_runs(self._of_dependencies(read.objects), inquiry)
        return Snapshot(
            namespace=cluster.namespace,
            taken_at=self._clock(),
            lab_version=version("observability-lab"),
            objects=read.objects,
            logs=read.logs,
            probes=replace(probes, denials=tuple(inquiry.denials), unanswered=tuple(inquiry.unanswered)),
            wanted=wanted,
        )

    def _wanted(self) -> tuple[Wanted, ...]:
        images = locked_images(self._settings.project)
        return tuple(Wanted(*place, image, self._settings.namespace) for place, image in images.items())

    def _of_dependencies(self, objects: Objects) -> Probes:
        """Ask registry, store and metrics server; the registry for every image of a pod."""
        ask = self._dependencies
        registry = ask.registry()
        images = () if registry is None or not registry.reachable else tuple(ask.images(_images(objects)))
        return Probes(
            registries=(registry,) if registry else (),
            images=images,
            store=ask.store(),
            prometheus=ask.prometheus(),
            build_log=_last_build(self._settings.state_dir / "images" / "build.log", now_s=self._clock()),
        )

    def _of_what_runs(self, probes: Probes, inquiry: Inquiry) -> Probes:
        """Add what processes, collector, ledger and metrics tell, each as far as it can be reached."""
        deployment = inquiry.ask("stack", self._stacks.current, None)
        if deployment is None:
            return probes
        try:
            return replace(
                probes,
                processes=inquiry.ask("processes", lambda: tuple(_processes(deployment)), ()),
                clocks=inquiry.ask("clocks", lambda: tuple(_clocks(deployment)), ()),
                collector=collector_counters(inquiry.ask("collector", deployment.collector_page, "")),
                ledger=inquiry.ask("ledger", lambda: self._ledger(deployment), None),
                prometheus=self._with_samples(probes.prometheus, deployment),
            )
        finally:
            deployment.close()

    def _ledger(self, deployment: RunningStack) -> LedgerProbe:
        query = deployment.address_of("query-api")
        with closing(self._dependencies.ledger(replace(deployment.servers, query=query))) as ledger:
            return watch_ledger(ledger)

    def _with_samples(self, probe: PrometheusProbe | None, deployment: RunningStack) -> PrometheusProbe | None:
        """Add the samples of a metrics server, or why it gave none; None where there is no server."""
        if probe is not None and not probe.reachable:
            return probe
        name = f"http://prometheus.{deployment.cluster.namespace}.svc:9090"
        server = probe or PrometheusProbe(name, reachable=True, inside=True)
        try:
            url = deployment.servers.prometheus_url
            if not url:
                return probe
            return replace(server, samples=last_samples(self._dependencies.samples(url)))
        except LabError as error:
            # A server inside is asked through a port-forward. Where that fails, pods may reach the server all the same.
            answers = None if server.inside and error.reason != REFUSED else True
            return replace(server, reachable=answers, error=server.error or cause_of_error(error))


def _last_build(log: Path, *, now_s: float) -> tuple[str, ...]:
    """Return the last lines of the last build of images; empty where that was long ago."""
    with suppress(OSError):
        if now_s - log.stat().st_mtime < BUILD_LOG_S:
            return tuple(log.read_text(errors="replace").splitlines()[-BUILD_LOG_LINES:])
    return ()


def _processes(deployment: RunningStack) -> Iterable[ProcessProbe]:
    """Yield what processes tell of themselves; a process that does not answer is seen by its pod."""
    for pod, status in deployment.processes():
        if status.instance_id:
            yield ProcessProbe(pod.name, status.instance_id, status.host_architecture)


def _clocks(deployment: RunningStack) -> Iterable[ClockProbe]:
    return (ClockProbe(clock.node, clock.offset_s, clock.error_s) for clock in deployment.clocks())


def _images(objects: Objects) -> tuple[str, ...]:
    """Return the image of every container."""
    specs = [pod["spec"] for pod in objects.pods]
    containers = [item for spec in specs for item in (*(spec.get("initContainers") or ()), *spec["containers"])]
    return tuple(dict.fromkeys(str(container["image"]) for container in containers))
