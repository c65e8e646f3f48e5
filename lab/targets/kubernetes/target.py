"""The target `kubernetes`: a stack on a cluster of the user's, one Deployment per service and architecture."""

import hashlib
import shutil
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from lab.errors import LabError, Unavailable
from lab.model import Access, Endpoints, ServiceStatus
from lab.settings import LabSettings
from lab.systems.services import SERVICES
from lab.targets.kubernetes.applying.apply import apply_all, check_namespace, remove_all, remove_others
from lab.targets.kubernetes.applying.preview import Intent, preview_all
from lab.targets.kubernetes.applying.termination import GONE_S, await_gone, some_of
from lab.targets.kubernetes.client.cluster import Cluster, open_cluster, server_of
from lab.targets.kubernetes.credentials.credentials import CA, TOKEN, names_of, provide_credentials
from lab.targets.kubernetes.deployment import ClusterDeployment
from lab.targets.kubernetes.objects import STACK_LABEL, KubeObject
from lab.targets.kubernetes.reaching.node_ports import node_addresses
from lab.targets.kubernetes.rendering.collector import find_collector, judge
from lab.targets.kubernetes.rendering.from_settings import STACK, Given, is_scraped, request_of, single_images
from lab.targets.kubernetes.rendering.render import render
from lab.targets.kubernetes.rollout.gate import Gate
from lab.targets.kubernetes.rollout.identity import Holds, doubts
from lab.targets.kubernetes.rollout.rows import PodView
from lab.targets.port import Report, StackRequest, Watch, watch_nothing
from lab.targets.processes.recipe import chosen_settings
from lab.targets.processes.starting import handing_over_files
from services.contracts.signals import PROMISED

DEADLINE_S: Final = 300.0
METRICS_S: Final = 75.0
"""For the promised metrics after the rollout; they are pushed every second, and silence is believed after a minute."""
SCRAPE_NEEDS: Final = "; its scrape needs honor_labels: true (manifests/README.md)"
LOOK_S: Final = 0.5
ANSWERS_S: Final = 30.0
"""For every process to say what it is once its pod is ready; an emulated one on a busy node misses a call or two."""


@dataclass(frozen=True, slots=True)
class KubernetesTarget:
    """What `lab.targets.port.Target` promises, on a cluster.

    Attributes:
        settings: Cluster, namespace, overlay, and where store and metrics server are.
        images: (service, architecture) → `host/name@sha256:…`, from the lock.
        holds: Whether what a reference names is an index at the registry, and the image of a digest is in it.
        heard: (metric, instance) of every promised metric that the metrics server of a stack has.
        explain: Looks at the cluster and puts what it finds into an error.
        pull_secret: What the registry wants of nodes, as docker's `config.json`; empty for none.
    """

    settings: LabSettings
    images: Mapping[tuple[str, str], str]
    holds: Holds
    heard: Callable[[Endpoints], frozenset[tuple[str, str]]]
    explain: Callable[["KubernetesTarget", LabError], LabError]
    pull_secret: str = field(default="", repr=False)

    @contextmanager
    def deployed(self, request: StackRequest, report: Report) -> Iterator[ClusterDeployment]:
        """A stack for the length of the context: the one that is up where it fits, else one of its own.

        Raises:
            BadConfig: The configuration cannot work; nothing was applied.
            Forbidden: The cluster does not allow it.
            Unavailable: It is not well in time; the message says which part, and what the cluster says of it.
        """
        cluster = self.cluster()
        report("cluster", f"{cluster.where.server} as {cluster.where.user}, namespace {cluster.namespace}", 0.0)
        check_namespace(cluster, adopt=self.settings.adopt)
        wanted = self.objects(request, nodes=node_addresses(cluster) if self.settings.node_ports else ())
        was_up = self._is_up(cluster)
        if was_up and not request.keep and (differs := self._differences(cluster, wanted)):
            raise Unavailable(
                "another stack is up in this namespace",
                found=f"for this one it would have to {differs}",
                next_step=f"lab down --target kubernetes --namespace {cluster.namespace}",
            )
        deployment = self._deployment(cluster, report, request.watch)
        try:
            with self._explaining(), handing_over_files(deployment.log_files, request.keep_logs):
                self._bring_up(deployment, wanted, report)
                yield deployment
        finally:
            deployment.close()
            if not request.keep and not was_up:
                _, left = self._remove(cluster, report)
                if left:
                    report("leaving", f"{some_of(left)} did not go in time", 0.0)

    @contextmanager
    def _explaining(self) -> Iterator[None]:
        """What is not available is looked into while it is there, on the way up and in a run; the fault stays told."""
        try:
            yield
        except Unavailable as error:
            told = self.explain(self, error)
            if told is error:
                raise
            raise told from error

    def current(self) -> ClusterDeployment | None:
        """The stack that is up, or None."""
        cluster = self.cluster()
        return self._deployment(cluster, lambda *_: None) if self._is_up(cluster) else None

    def down(self, report: Report, /) -> bool:
        """Remove what this lab applied, and nothing else, and wait until it has gone; False when there was nothing.

        Raises:
            Unavailable: Some of it does not go.
        """
        cluster = self.cluster()
        was_there, left = self._remove(cluster, report)
        if left:
            raise Unavailable(
                "the stack is removed, and some of it does not go",
                found=f"{some_of(left)} in namespace {cluster.namespace}, after {GONE_S:g} s",
                next_step=f"lab diagnose --namespace {cluster.namespace}",
                code="E_LEAVING",
            )
        return was_there

    @staticmethod
    def _remove(cluster: Cluster, report: Report) -> tuple[bool, Sequence[str]]:
        """Whether there was something, and what of it does not go."""
        removal = remove_all(cluster, STACK)
        if removal.others:
            told = some_of(removal.others)
            report("namespace", f"{cluster.namespace} stays: {told} in it did not come from the lab", 0.0)
        left = await_gone(cluster, STACK, report) if removal.gone else ()
        return bool(removal.gone), left

    def preview(self, request: StackRequest, report: Report) -> Sequence[Intent]:
        """What `deployed` would do to every object; nothing is changed.

        Raises:
            BadConfig: The configuration cannot work.
            Forbidden: The cluster would not allow it.
        """
        cluster = self.cluster()
        report("cluster", f"{cluster.where.server} as {cluster.where.user}, namespace {cluster.namespace}", 0.0)
        check_namespace(cluster, adopt=self.settings.adopt)
        with TemporaryDirectory(prefix="lab-preview-") as name:
            # Credentials that rendering makes or renews go with that folder: here nothing is changed, either.
            beside = replace(self, settings=self.settings.model_copy(update={"state_dir": Path(name)}))
            if self.folder.is_dir():
                shutil.copytree(self.folder, beside.folder)
            nodes = node_addresses(cluster) if self.settings.node_ports else ()
            return preview_all(cluster, beside.objects(request, nodes=nodes), stack=STACK, force=self.settings.force)

    def objects(self, request: StackRequest, *, nodes: Sequence[str] = ()) -> Sequence[KubeObject]:
        """Everything that is to be applied, in order; the credentials in it are made where there are none yet.

        Args:
            request: Settings of services.
            nodes: Addresses of nodes that callers outside the cluster use.

        Raises:
            BadConfig: It would not run; a collector's own word counts where there is one on this machine.
        """
        settings, names = self.settings, (*names_of(self.settings.namespace), *nodes)
        credentials = provide_credentials(self.folder, names, now=datetime.now(UTC))
        given = Given(
            self.images, credentials, self.pull_secret, chosen_settings(request.settings), request.architecture
        )
        found = render(request_of(settings, given))
        if collector := find_collector(settings):
            judge(found, collector)
        return found

    def cluster(self) -> Cluster:
        """The cluster and namespace that the settings name; see `open_cluster` for what it raises."""
        settings = self.settings
        return open_cluster(settings.kubeconfig, context=settings.context, namespace=settings.namespace)

    @property
    def folder(self) -> Path:
        """Where this stack's credentials are kept: one folder for a namespace of a cluster, whoever names that how."""
        settings = self.settings
        server = server_of(settings.kubeconfig, context=settings.context)
        key = hashlib.sha256(server.encode()).hexdigest()[:8]
        return settings.state_dir / "clusters" / f"{key}-{settings.namespace}"

    def _deployment(self, cluster: Cluster, report: Report, watch: Watch = watch_nothing) -> ClusterDeployment:
        folder, settings = self.folder, self.settings
        options = ["--namespace", cluster.namespace, "--context", cluster.where.context]
        options += ["--kubeconfig", str(settings.kubeconfig)] if settings.kubeconfig else []
        access = Access(folder / CA, folder / TOKEN)
        inside = single_images(settings)
        store = f"redis://redis.{cluster.namespace}.svc:6379/0" if "redis" in inside else settings.redis_url
        metrics = (
            f"http://prometheus.{cluster.namespace}.svc:9090" if "prometheus" in inside else settings.prometheus_url
        )
        outside = Endpoints("", "", "", "", store, metrics, access=access)
        gate = Gate(cluster, f"{STACK_LABEL}={STACK}", report, DEADLINE_S, watch)
        return ClusterDeployment(cluster, gate, options, outside=outside, has_metrics="prometheus" in inside)

    def _is_up(self, cluster: Cluster) -> bool:
        return bool(cluster.list("apps/v1", "Deployment", selector=f"{STACK_LABEL}={STACK}"))

    def _differences(self, cluster: Cluster, wanted: Sequence[KubeObject]) -> str:
        """What applying would do, by the API server's word; empty where nothing. It does not say what Secrets hold."""
        intents = preview_all(cluster, wanted, stack=STACK, force=self.settings.force)
        found = [f"{one.change} {one.kind} {one.name}" for one in intents if one.change not in {"unchanged", "write"}]
        return some_of(found)

    def _bring_up(self, deployment: ClusterDeployment, wanted: Sequence[KubeObject], report: Report) -> None:
        """Apply, wait for the rollout, then ask everybody what it is."""
        cluster, begun = deployment.cluster, time.monotonic()
        applied = apply_all(cluster, wanted, force=self.settings.force)
        changed = sum(one.change not in {"unchanged", "written"} for one in applied)
        report("applied", f"{len(applied)} objects, {changed} changed", time.monotonic() - begun)
        rows = deployment.wait()
        # Until then pods of the version before still need their ConfigMaps.
        remove_others(cluster, wanted, STACK)
        nodes = {
            one["metadata"]["name"]: one["status"]["nodeInfo"]["architecture"] for one in cluster.list("v1", "Node")
        }
        processes = answered(deployment)
        said = {pod.name: one.host_architecture for pod, one in processes}
        deployment.show(rows, said)
        if found := doubts(rows, nodes=nodes, said=said, holds=self.holds):
            raise Unavailable(
                f"{found[0].pod} is not what was wanted",
                found="\n".join(f"{doubt.pod}: {doubt.reason}" for doubt in found[:2]),
                next_step="lab diagnose",
                code="E_ARCH",
            )
        waited_s = self._await_metrics(deployment, processes)
        pods, services = sum(len(row.pods) for row in rows), len({row.service for row in rows} & set(SERVICES))
        agreed = f"{services} services, {pods} pods; digest, node, runtime and process agree"
        words = f"{agreed}; contract metrics arrived after {waited_s:.0f} s"
        report("well", words, time.monotonic() - begun)

    def _await_metrics(
        self,
        deployment: ClusterDeployment,
        processes: Sequence[tuple[PodView, ServiceStatus]],
        *,
        clock: Callable[[], float] = time.monotonic,
        pause_s: float = LOOK_S,
    ) -> float:
        """Wait until the promised metric of every process has arrived at the metrics server; seconds it took.

        Raises:
            Unavailable: One does not arrive; a service that runs and reports nothing is not well.
        """
        begun, pause = clock(), threading.Event()
        wanted = {(PROMISED[pod.service].prometheus_name, one.instance_id): pod.name for pod, one in processes}
        while missing := wanted.keys() - self.heard(deployment.outside):
            if clock() - begun > METRICS_S:
                metric, instance = min(missing)
                raise Unavailable(
                    f"{wanted[metric, instance]} runs, and its metrics do not arrive",
                    found=f"no sample of {metric} in {METRICS_S:g} s at {deployment.outside.prometheus_url}; "
                    f"{len(missing)} of {len(wanted)} processes are silent"
                    f"{SCRAPE_NEEDS if is_scraped(self.settings) else ''}",
                    next_step="lab diagnose",
                    code="E_NO_METRICS",
                )
            pause.wait(pause_s)
        return clock() - begun


def answered(
    deployment: ClusterDeployment, *, clock: Callable[[], float] = time.monotonic, pause_s: float = LOOK_S
) -> Sequence[tuple[PodView, ServiceStatus]]:
    """Every pod of a service with what its process says of itself; who does not answer is asked again for a while.

    Raises:
        Unavailable: One does not answer at all, so that nobody knows what it is.
    """
    begun, pause = clock(), threading.Event()
    while True:
        processes = deployment.processes()
        silent = [(pod, one) for pod, one in processes if not one.instance_id]
        if not silent:
            return processes
        if clock() - begun > ANSWERS_S:
            pod, status = silent[0]
            more = f"; {len(silent)} of {len(processes)} processes are silent" if len(silent) > 1 else ""
            raise Unavailable(
                f"{pod.name} is ready, and does not say what it is",
                found=f"on {pod.node}, asked for {ANSWERS_S:g} s: {status.detail}{more}",
                next_step="lab diagnose",
                code="E_NO_ANSWER",
            )
        pause.wait(pause_s)
