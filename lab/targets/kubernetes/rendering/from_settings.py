"""Turns the lab's settings into a request that can be rendered."""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

from lab.errors import BadConfig, UsageFault
from lab.settings import REMOTE_WRITE_PATH, LabSettings, text_of
from lab.systems.services import HANDLES_EVENTS, SERVICES
from lab.targets.kubernetes import secret_names
from lab.targets.kubernetes.credentials.credentials import CA, PASSWORD, Credentials
from lab.targets.kubernetes.rendering.never_applied import PINNED
from lab.targets.kubernetes.rendering.placement import labels_in, tolerations_in
from lab.targets.kubernetes.rendering.render import PULL_KEY
from lab.targets.kubernetes.rendering.request import ARCHITECTURES, Architecture, RenderRequest, Workload
from services.contracts.store_keys import NAMESPACE, NAMESPACE_VARIABLE

STACK: Final = "lab"
SCRAPED: Final = "none"
"""Value of `remote_write_url` for a collector that is scraped and writes nothing."""
Secrets = Mapping[str, Mapping[str, bytes]]


@dataclass(frozen=True, slots=True)
class StackInputs:
    """The input of a request besides the lab's settings.

    Attributes:
        images: (service, architecture) → `host/name@sha256:…`.
        credentials: Credentials of this stack.
        pull_secret: Login of the registry, as docker's `config.json`; empty for none.
        service_settings: Settings of services that differ from their defaults, by environment name.
        alone: The only architecture that ingest-api and process-worker run on; empty for all.
    """

    images: Mapping[tuple[str, str], str]
    credentials: Credentials
    pull_secret: str = field(default="", repr=False)
    service_settings: Mapping[str, str] = field(default_factory=dict)
    alone: str = ""


def request_of(settings: LabSettings, inputs: StackInputs) -> RenderRequest:
    """Return the stack that the settings describe.

    Raises:
        UsageFault: The stack does not have the only architecture that was requested.
        BadConfig: An image is not pinned (E_NOT_PINNED), a file cannot be read, or there is no metrics server.
    """
    request = RenderRequest(
        overlay=settings.overlay,
        namespace=settings.namespace,
        stack=STACK,
        workloads=tuple(_workloads(settings, inputs)),
        redis_url=settings.redis_url,
        remote_write_url=_remote_write_url(settings),
        settings=inputs.service_settings,
        node_selector=labels_in(settings.node_selector),
        tolerations=tolerations_in(settings.tolerations),
        secrets={name: content for name, content in secrets_of(settings, inputs).items() if content},
        pull_secret=secret_names.PULL if inputs.pull_secret else "",
        node_ports=settings.node_ports,
    )
    return replace(request, config_hash=_hash_of(request))


def architectures_of(settings: LabSettings) -> tuple[Architecture, ...]:
    """Return the architectures that services run on. Parts that exist only once run on the first."""
    wanted = settings.architectures.split(",")
    return tuple(architecture for architecture in ARCHITECTURES if architecture in wanted)


def single_images(settings: LabSettings) -> Mapping[str, str]:
    """Return part → image, for the parts that exist once: the collector; store and metrics server if inside."""
    inside = {
        "redis": "" if settings.redis_url else settings.redis_image,
        "prometheus": "" if settings.prometheus_url else settings.prometheus_image,
    }
    return {"otel-collector": settings.collector_image} | {name: image for name, image in inside.items() if image}


def is_scraped(settings: LabSettings) -> bool:
    """Return whether a Prometheus outside the cluster scrapes the collector."""
    return settings.remote_write_url == SCRAPED and "prometheus" not in single_images(settings)


def _workloads(settings: LabSettings, inputs: StackInputs) -> Iterator[Workload]:
    architectures = architectures_of(settings)
    if inputs.alone and inputs.alone not in architectures:
        raise UsageFault(
            f"cannot run on {inputs.alone} alone",
            found=f"the stack runs on {', '.join(architectures)}",
            next_step=f"export LAB_ARCHITECTURES={inputs.alone}",
        )
    alone = tuple(architecture for architecture in architectures if architecture == inputs.alone)
    for service in SERVICES:
        # Services that measure stay on the first architecture, so that all architectures are measured alike.
        chosen = architectures if not alone else alone if service in HANDLES_EVENTS else architectures[:1]
        for architecture in chosen:
            image = inputs.images.get((service, architecture), "")
            if not image:
                raise BadConfig(
                    f"no image of {service} for {architecture}",
                    found="images.lock names no such image",
                    next_step="lab images build && lab images resolve",
                    code="E_NOT_PINNED",
                )
            yield Workload(service, architecture, image, settings.replicas)
    yield from _single_workloads(settings, architectures[0])


def _single_workloads(settings: LabSettings, architecture: Architecture) -> Iterator[Workload]:
    images = single_images(settings)
    yield Workload("otel-collector", architecture, _pinned("collector_image", images["otel-collector"]))
    if "redis" in images:
        yield Workload("redis", architecture, _pinned("redis_image", images["redis"]))
    if "prometheus" in images:
        yield Workload("prometheus", architecture, _pinned("prometheus_image", images["prometheus"]))


def _pinned(setting: str, image: str) -> str:
    if PINNED.fullmatch(image):
        return image
    raise BadConfig(
        f"{setting} is not pinned by digest; a runtime would choose the architecture",
        found=image or "it is not set",
        next_step="lab doctor --target kubernetes      (names the digest where the registry has the image)",
        code="E_NOT_PINNED",
    )


def _remote_write_url(settings: LabSettings) -> str:
    if not settings.prometheus_url and not settings.prometheus_image:
        raise BadConfig(
            "no prometheus for the stack",
            found="neither prometheus_url (outside the cluster) nor prometheus_image (inside) is set",
            next_step="export LAB_PROMETHEUS_URL=http://host:9090",
        )
    if settings.remote_write_url:
        return "" if settings.remote_write_url == SCRAPED else settings.remote_write_url
    return settings.prometheus_url.rstrip("/") + REMOTE_WRITE_PATH if settings.prometheus_url else ""


def secrets_of(settings: LabSettings, inputs: StackInputs) -> Secrets:
    """Return Secret → key → content; a Secret that is not needed has no content."""
    store = {PASSWORD: settings.redis_password_file, CA: settings.redis_ca_file}
    prometheus = {"authorization": settings.prometheus_authorization_file, CA: settings.prometheus_ca_file}
    inside, namespace = single_images(settings), inputs.service_settings.get(NAMESPACE_VARIABLE, NAMESPACE)
    users = inputs.credentials.store_secret(namespace=namespace)
    return {
        secret_names.SERVING: inputs.credentials.serving_secret(),
        secret_names.STORE: users if "redis" in inside else _read(store),
        secret_names.PROMETHEUS: {} if "prometheus" in inside else _read(prometheus),
        secret_names.PULL: {PULL_KEY: inputs.pull_secret.encode()} if inputs.pull_secret else {},
    }


def _read(files: Mapping[str, Path | None]) -> Mapping[str, bytes]:
    return {key: text_of(file).encode() for key, file in files.items() if file is not None}


def _hash_of(request: RenderRequest) -> str:
    """Return twelve characters that change with everything that services read at their start."""
    contents = {name: request.secrets.get(name, {}) for name in (secret_names.SERVING, secret_names.STORE)}
    secrets = sorted((name, sorted(content.items())) for name, content in contents.items())
    text = repr((sorted(request.settings.items()), request.redis_url, secrets))
    return hashlib.sha256(text.encode()).hexdigest()[:12]
