"""Requests as users make them, and the objects that they render to."""

import copy
import functools
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, Final

from lab.snapshots.kubernetes import Toleration
from lab.systems.services import SERVICES
from lab.targets.kubernetes.objects import KubeObject, kube_object
from lab.targets.kubernetes.rendering.render import render
from lab.targets.kubernetes.rendering.request import Architecture, RenderRequest, Workload, WorkloadName

REGISTRY: Final = "198.18.0.1:5000"
ARCHITECTURES: Final[tuple[Architecture, ...]] = ("amd64", "arm64")


def image(name: str, architecture: str) -> str:
    """Return a reference whose digest differs by name and architecture."""
    digest = f"{sum(name.encode()):032x}{sum(architecture.encode()):032x}"
    return f"{REGISTRY}/{name}@sha256:{digest}"


def workload(name: WorkloadName, architecture: Architecture = "amd64", **more: Any) -> Workload:
    """Return a workload with a pinned image."""
    return Workload(name, architecture, image(name, architecture), **more)


EVERYWHERE: Final = tuple(workload(service, architecture) for service in SERVICES for architecture in ARCHITECTURES)
OUTSIDE: Final = RenderRequest(
    overlay="k3s",
    namespace="testbed",
    stack="sample",
    workloads=(*EVERYWHERE, workload("otel-collector")),
    redis_url="redis://198.18.0.1:6379/0",
    remote_write_url="http://198.18.0.1:9090/api/v1/write",
    settings={"LAB_WORKER_COST_US": "5"},
    node_selector={"nodetype": "board"},
    tolerations=(Toleration.of_taint("board", effect="NoSchedule"),),
    config_hash="0123456789ab",
    secrets={"lab-serving": {"token": b"planted-token"}, "lab-store": {"password": b"planted-password"}},
)
INSIDE: Final = replace(
    OUTSIDE,
    workloads=(*OUTSIDE.workloads, workload("redis"), workload("prometheus", "arm64")),
    redis_url="",
    remote_write_url="",
)
SAMPLES: Final[Mapping[str, RenderRequest]] = {
    "k3s": OUTSIDE,
    "k3s-scraped": replace(OUTSIDE, remote_write_url="", node_ports=True, pull_secret="lab-registry"),
    "k3s-inside": INSIDE,
    "rig": replace(OUTSIDE, overlay="rig"),
    "rig-inside": replace(INSIDE, overlay="rig"),
}


@functools.cache
def rendered(name: str) -> tuple[KubeObject, ...]:
    """Return the objects of a sample, rendered once."""
    return render(SAMPLES[name])


def planted(kind: str, name: str, change: Callable[[Any], object], *, sample: str = "k3s-inside") -> list[KubeObject]:
    """Return the objects of a sample with one object changed; *name* may be the beginning of its name."""
    objects = []
    is_changed = False
    for item in rendered(sample):
        body = copy.deepcopy(dict(item.body))
        if item.kind == kind and item.name.startswith(name) and not is_changed:
            change(body)
            is_changed = True
        objects.append(kube_object(body))
    assert is_changed, f"no {kind} {name}"
    return objects
