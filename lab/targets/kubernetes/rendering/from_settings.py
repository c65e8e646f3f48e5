"""What the settings ask of a cluster, as a request that can be rendered."""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

from lab.errors import BadConfig, UsageFault
from lab.settings import LabSettings, text_of
from lab.systems.services import HANDLES_EVENTS, SERVICES
from lab.targets.kubernetes.credentials.credentials import CA, PASSWORD, Credentials
from lab.targets.kubernetes.rendering.kustomization import PROMETHEUS_SECRET, STORE_SECRET
from lab.targets.kubernetes.rendering.refusals import PINNED
from lab.targets.kubernetes.rendering.render import PULL_KEY
from lab.targets.kubernetes.rendering.request import Architecture, RenderRequest, Workload, labels_in, tolerations_in

STACK: Final = "lab"
SERVING_SECRET: Final = "lab-serving"  # noqa: S105  a name
PULL_SECRET: Final = "lab-registry"  # noqa: S105  a name
WRITE_PATH: Final = "/api/v1/write"
SCRAPED: Final = "none"
"""As `remote_write_url`: nothing is written, the collector is scraped."""
Secrets = Mapping[str, Mapping[str, bytes]]


@dataclass(frozen=True, slots=True)
class Given:
    """What a request is made of besides settings.

    Attributes:
        images: (service, architecture) → `host/name@sha256:…`.
        credentials: Of this stack.
        pull_secret: What the registry wants, as docker's `config.json`; empty for none.
        service_settings: Settings of services that differ from their defaults, by environment name.
        alone: The one architecture that ingest-api and process-worker run on; empty for all.
    """

    images: Mapping[tuple[str, str], str]
    credentials: Credentials
    pull_secret: str = field(default="", repr=False)
    service_settings: Mapping[str, str] = field(default_factory=dict)
    alone: str = ""


def request_of(settings: LabSettings, given: Given) -> RenderRequest:
    """The stack that the settings describe.

    Raises:
        BadConfig: An image is not pinned (E_NOT_PINNED), a file cannot be read, or there is nowhere to put metrics.
    """
    asked = RenderRequest(
        overlay=settings.overlay,
        namespace=settings.namespace,
        stack=STACK,
        workloads=tuple(_workloads(settings, given)),
        redis_url=settings.redis_url,
        remote_write_url=_remote_write_url(settings),
        settings=given.service_settings,
        node_selector=labels_in(settings.node_selector),
        tolerations=tolerations_in(settings.tolerations),
        secrets={name: content for name, content in _secrets(settings, given).items() if content},
        pull_secret=PULL_SECRET if given.pull_secret else "",
        node_ports=settings.node_ports,
    )
    return replace(asked, config_hash=_hash_of(asked))


def architectures_of(settings: LabSettings) -> tuple[Architecture, ...]:
    """Those that every service runs on; the first is that of everything there is one of."""
    known: tuple[Architecture, ...] = ("amd64", "arm64")
    return tuple(one for one in known if one in settings.architectures.split(","))


def single_images(settings: LabSettings) -> Mapping[str, str]:
    """Image of everything there is one of in the stack: the collector, and store and metrics server if inside."""
    inside = {
        "redis": "" if settings.redis_url else settings.redis_image,
        "prometheus": "" if settings.prometheus_url else settings.prometheus_image,
    }
    return {"otel-collector": settings.collector_image} | {name: image for name, image in inside.items() if image}


def is_scraped(settings: LabSettings) -> bool:
    """Whether a Prometheus outside scrapes the collector, in place of being written to."""
    return settings.remote_write_url == SCRAPED and "prometheus" not in single_images(settings)


def _workloads(settings: LabSettings, given: Given) -> Iterator[Workload]:
    architectures = architectures_of(settings)
    if given.alone and given.alone not in architectures:
        found, step = f"the stack runs on {', '.join(architectures)}", f"export LAB_ARCHITECTURES={given.alone}"
        raise UsageFault(f"cannot run on {given.alone} alone", found=found, next_step=step)
    alone = tuple(one for one in architectures if one == given.alone)
    for service in SERVICES:
        # What measures stays where it is, so that two architectures are measured by the same.
        chosen = architectures if not alone else alone if service in HANDLES_EVENTS else architectures[:1]
        for architecture in chosen:
            image = given.images.get((service, architecture), "")
            if not image:
                raise BadConfig(
                    f"no image of {service} for {architecture}",
                    found="images.lock does not name one",
                    next_step="lab images build && lab images resolve",
                    code="E_NOT_PINNED",
                )
            yield Workload(service, architecture, image, settings.replicas)
    singles = single_images(settings)
    yield Workload("otel-collector", architectures[0], _pinned("collector_image", singles["otel-collector"]))
    if "redis" in singles:
        yield Workload("redis", architectures[0], _pinned("redis_image", singles["redis"]))
    if "prometheus" in singles:
        yield Workload("prometheus", architectures[0], _pinned("prometheus_image", singles["prometheus"]))


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
    return settings.prometheus_url.rstrip("/") + WRITE_PATH if settings.prometheus_url else ""


def _secrets(settings: LabSettings, given: Given) -> Secrets:
    """Secret → key → content; a Secret without content is not made."""
    store = {PASSWORD: settings.redis_password_file, CA: settings.redis_ca_file}
    prometheus = {"authorization": settings.prometheus_authorization_file, CA: settings.prometheus_ca_file}
    inside = single_images(settings)
    return {
        SERVING_SECRET: given.credentials.serving_secret(),
        STORE_SECRET: given.credentials.store_secret() if "redis" in inside else _read(store),
        PROMETHEUS_SECRET: {} if "prometheus" in inside else _read(prometheus),
        PULL_SECRET: {PULL_KEY: given.pull_secret.encode()} if given.pull_secret else {},
    }


def _read(files: Mapping[str, Path | None]) -> Mapping[str, bytes]:
    return {key: text_of(file).encode() for key, file in files.items() if file is not None}


def _hash_of(request: RenderRequest) -> str:
    """Twelve characters that change with everything that services read at their start."""
    read = {name: request.secrets.get(name, {}) for name in (SERVING_SECRET, STORE_SECRET)}
    secrets = sorted((name, sorted(content.items())) for name, content in read.items())
    shown = repr((sorted(request.settings.items()), request.redis_url, secrets))
    return hashlib.sha256(shown.encode()).hexdigest()[:12]
