"""The target `kubernetes`: a stack on a cluster of the user's, one Deployment per service and architecture."""

import hashlib
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from lab.errors import BadConfig, Unavailable, UsageFault
from lab.model import HANDLES_EVENTS, SERVICES, Access, Endpoints
from lab.settings import LabSettings
from lab.targets.cluster.api import Cluster, open_cluster
from lab.targets.cluster.deployment import ClusterDeployment
from lab.targets.cluster.gate import Gate
from lab.targets.cluster.identity import doubts
from lab.targets.cluster.objects import apply_all, check_namespace, remove_all, remove_others
from lab.targets.credentials import CA, TOKEN, names_of, provide_credentials
from lab.targets.kube import CONFIG_ANNOTATION, STACK_LABEL, KubeObject
from lab.targets.manifests import render
from lab.targets.port import Report, StackRequest
from lab.targets.recipe import chosen_settings
from lab.targets.render_request import Architecture, RenderRequest, Workload
from lab.targets.starting import handing_over_files

STACK: Final = "lab"
DEADLINE_S: Final = 300.0
SERVING_SECRET: Final = "lab-serving"  # noqa: S105  a name
WRITE_PATH: Final = "/api/v1/write"


@dataclass(frozen=True, slots=True)
class KubernetesTarget:
    """What `lab.targets.port.Target` promises, on a cluster.

    Attributes:
        settings: Cluster, namespace, overlay, and where store and metrics server are.
        images: (service, architecture) → `host/name@sha256:…`, from the lock.
    """

    settings: LabSettings
    images: Mapping[tuple[str, str], str]

    @contextmanager
    def deployed(self, request: StackRequest, report: Report) -> Iterator[ClusterDeployment]:
        """A stack for the length of the context: the one that is up where it fits, else one of its own.

        Raises:
            BadConfig: The configuration cannot work; nothing was applied.
            Forbidden: The cluster does not allow it.
            Unavailable: It is not well in time; the message says which part, and what the cluster says of it.
        """
        cluster = self._cluster()
        report("cluster", f"{cluster.where.server} as {cluster.where.user}, namespace {cluster.namespace}", 0.0)
        check_namespace(cluster, adopt=self.settings.adopt)
        wanted = self.objects(request)
        was_up = self._is_up(cluster)
        if was_up and not request.keep and not self._fits(cluster, wanted):
            raise Unavailable("another stack is up in this namespace", next_step="lab down --target kubernetes")
        deployment = self._deployment(cluster, report)
        try:
            with handing_over_files(deployment.log_files, request.keep_logs):
                self._bring_up(deployment, wanted, report)
                yield deployment
        finally:
            deployment.close()
            if not request.keep and not was_up:
                remove_all(cluster, STACK)

    def current(self) -> ClusterDeployment | None:
        """The stack that is up, or None."""
        cluster = self._cluster()
        return self._deployment(cluster, lambda *_: None) if self._is_up(cluster) else None

    def down(self) -> bool:
        """Remove what this lab applied, and nothing else; False when there was nothing."""
        return bool(remove_all(self._cluster(), STACK))

    def objects(self, request: StackRequest) -> Sequence[KubeObject]:
        """Everything that is to be applied, in order; the credentials in it are made where there are none yet."""
        settings, store, names = self.settings, self.settings.redis_url, names_of(self.settings.namespace)
        credentials = provide_credentials(self._folder, names, now=datetime.now(UTC))
        secrets = {SERVING_SECRET: credentials.serving_secret()}
        if settings.redis_password_file is not None:
            secrets["lab-store"] = {"password": _content(settings.redis_password_file)}
        asked = RenderRequest(
            overlay=settings.overlay,
            namespace=settings.namespace,
            stack=STACK,
            workloads=tuple(self._workloads(request.architecture)),
            redis_url=store,
            remote_write_url=settings.remote_write_url or settings.prometheus_url.rstrip("/") + WRITE_PATH,
            settings=chosen_settings(request.settings),
            secrets=secrets,
        )
        return render(replace(asked, config_hash=_hash_of(asked)))

    def _workloads(self, alone: str) -> Iterator[Workload]:
        architectures: list[Architecture] = [one for one in ("amd64", "arm64") if one in self.settings.architectures]
        if alone and alone not in architectures:
            found = f"the stack runs on {', '.join(architectures)}"
            raise UsageFault(f"cannot run on {alone} alone", found=found, next_step=f"export LAB_ARCHITECTURES={alone}")
        for service in SERVICES:
            # What measures stays where it is, so that two architectures are measured by the same.
            chosen = architectures if not alone else [alone] if service in HANDLES_EVENTS else architectures[:1]
            for architecture in chosen:
                yield Workload(service, architecture, self._image(service, architecture), self.settings.replicas)
        yield Workload("otel-collector", architectures[0], self.settings.collector_image)

    def _image(self, service: str, architecture: str) -> str:
        image = self.images.get((service, architecture), "")
        if not image:
            raise BadConfig(
                f"no image of {service} for {architecture}",
                found="images.lock does not name one",
                next_step="lab images build && lab images resolve",
                code="E_NOT_PINNED",
            )
        return image

    def _cluster(self) -> Cluster:
        settings = self.settings
        return open_cluster(settings.kubeconfig, context=settings.context, namespace=settings.namespace)

    @property
    def _folder(self) -> Path:
        """Where this stack's credentials are kept: one folder for a namespace of a cluster."""
        settings = self.settings
        key = hashlib.sha256(f"{settings.kubeconfig}\0{settings.context}".encode()).hexdigest()[:8]
        return settings.state_dir / "clusters" / f"{key}-{settings.namespace}"

    def _deployment(self, cluster: Cluster, report: Report) -> ClusterDeployment:
        folder, settings = self._folder, self.settings
        options = ["--namespace", cluster.namespace, "--context", cluster.where.context]
        options += ["--kubeconfig", str(settings.kubeconfig)] if settings.kubeconfig else []
        access = Access(folder / CA, folder / TOKEN)
        outside = Endpoints("", "", "", "", settings.redis_url, settings.prometheus_url, access=access)
        gate = Gate(cluster, f"{STACK_LABEL}={STACK}", report, DEADLINE_S)
        return ClusterDeployment(cluster, gate, options, outside=outside)

    def _is_up(self, cluster: Cluster) -> bool:
        return bool(cluster.list("apps/v1", "Deployment", selector=f"{STACK_LABEL}={STACK}"))

    def _fits(self, cluster: Cluster, wanted: Sequence[KubeObject]) -> bool:
        """Whether applying would change nothing: the same Deployments, each with the wanted template."""
        ours = cluster.list("apps/v1", "Deployment", selector=f"{STACK_LABEL}={STACK}")
        found = {one["metadata"]["name"]: one for one in ours}
        deployments = [one for one in wanted if one.kind == "Deployment"]
        if found.keys() != {one.name for one in deployments}:
            return False
        return all(_template(found[one.name]) == _template(one.body) for one in deployments)

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
        found = doubts(rows, nodes=nodes, said=deployment.machines())
        if found:
            raise Unavailable(
                f"{found[0].pod} is not what was wanted",
                found="\n".join(f"{doubt.pod}: {doubt.reason}" for doubt in found[:2]),
                next_step="lab diagnose",
                code="E_ARCH",
            )
        pods = sum(len(row.pods) for row in rows)
        report("well", f"{pods} pods; digest, node, runtime and process agree", time.monotonic() - begun)


def _template(deployment: Mapping[str, Any]) -> tuple[object, list[str]]:
    """What tells one version of a Deployment's pods from another: the configuration's hash, the images."""
    template = deployment.get("spec", {}).get("template", {})
    hash_of = template.get("metadata", {}).get("annotations", {}).get(CONFIG_ANNOTATION)
    return hash_of, [one["image"] for one in template.get("spec", {}).get("containers", ())]


def _hash_of(request: RenderRequest) -> str:
    """Twelve characters that change with everything that services read at their start."""
    serving = sorted((name, sorted(content.items())) for name, content in request.secrets.items())
    shown = repr((sorted(request.settings.items()), request.redis_url, serving))
    return hashlib.sha256(shown.encode()).hexdigest()[:12]


def _content(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise BadConfig(f"cannot read {file}", found=str(error)) from error
