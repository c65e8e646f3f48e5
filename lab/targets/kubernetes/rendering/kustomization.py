"""Turns a request into a kustomization on top of an overlay. Pure."""

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from ipaddress import ip_address
from typing import Final
from urllib.parse import urlsplit

from lab.snapshots.kubernetes import ARCHITECTURE_LABEL, STACK_LABEL, Raw, Toleration
from lab.snapshots.kubernetes.kinds import DEPLOYMENT, POD_DISRUPTION_BUDGET, Kind
from lab.systems.services import SERVICES
from lab.targets.drain import DRAIN, pod_grace_s
from lab.targets.kubernetes import secret_names
from lab.targets.kubernetes.objects import CONFIG_ANNOTATION, MANAGED_BY, MANAGER
from lab.targets.kubernetes.rendering.request import ARCHITECTURES, RenderRequest, Workload

API: Final = {"apiVersion": "kustomize.config.k8s.io/v1beta1", "kind": "Kustomization"}
PORTS: Final = {"redis": 6379, "rediss": 6379, "http": 80, "https": 443}
STORE_FOLDER: Final = "/etc/lab/store"
PROMETHEUS_FOLDER: Final = "/etc/lab/prometheus"
READ_AT_START: Final = {"otel-collector": secret_names.PROMETHEUS, "redis": secret_names.STORE}
"""Workload → Secret whose change restarts the workload."""


def kustomization(request: RenderRequest, *, manifests: str) -> Raw:
    """Return the kustomization of a request; *manifests* is the path from its folder to the manifests."""
    return {
        **API,
        "namespace": request.namespace,
        "resources": [f"{manifests}/overlays/{request.overlay}"],
        "components": [f"{manifests}/components/{name}" for name in components(request)],
        "labels": [{"pairs": labels_of(request), "includeTemplates": True}],
        "images": [_image(workload) for workload in request.workloads],
        "replicas": [{"name": workload.deployment, "count": workload.replicas} for workload in request.workloads],
        "configMapGenerator": [
            _merged("lab-settings", _settings(request)),
            _merged("otel-collector-target", _collector_target(request)),
        ],
        "patches": [*_unwanted(request), *_placements(request), *_destinations(request), *_pull_secret(request)],
    }


def components(request: RenderRequest) -> tuple[str, ...]:
    """Return the folders of `manifests/components` that a request needs."""
    scraped = not request.remote_write_url and not request.has("prometheus")
    wanted = {
        "redis": request.has("redis"),
        "prometheus": request.has("prometheus"),
        "scraped": scraped,
        "node-ports": request.node_ports,
    }
    return tuple(name for name, is_wanted in wanted.items() if is_wanted)


def labels_of(request: RenderRequest) -> Mapping[str, str]:
    """Return the labels of every object of a stack."""
    return {MANAGED_BY: MANAGER, STACK_LABEL: request.stack}


def _image(workload: Workload) -> Raw:
    name, _, digest = workload.image.partition("@")
    # An image without a digest keeps its tag; the rendered object is then refused with the image's name.
    return {"name": workload.deployment, "newName": name} | ({"digest": digest} if digest else {})


def _merged(name: str, values: Mapping[str, str]) -> Raw:
    literals = [f"{key}={value}" for key, value in sorted(values.items())]
    return {"name": name, "behavior": "merge", "literals": literals}


def _settings(request: RenderRequest) -> Mapping[str, str]:
    keys = request.secrets.get(secret_names.STORE, {})
    files = {"password": "LAB_REDIS_PASSWORD_FILE", "ca.crt": "LAB_REDIS_CA_FILE"}
    paths = {variable: f"{STORE_FOLDER}/{key}" for key, variable in files.items() if key in keys}
    url = {"LAB_REDIS_URL": request.redis_url} if request.redis_url else {}
    return {**request.settings, **url, **paths}


def _collector_target(request: RenderRequest) -> Mapping[str, str]:
    url = {"PROMETHEUS_REMOTE_WRITE_URL": request.remote_write_url} if request.remote_write_url else {}
    has_ca = "ca.crt" in request.secrets.get(secret_names.PROMETHEUS, {})
    return url | ({"PROMETHEUS_CA_FILE": f"{PROMETHEUS_FOLDER}/ca.crt"} if has_ca else {})


def _unwanted(request: RenderRequest) -> Iterator[Raw]:
    """Yield deletions of Deployments that are not wanted, and of budgets that would only block a node's drain."""
    wanted = {workload.deployment for workload in request.workloads}
    for service in SERVICES:
        for architecture in ARCHITECTURES:
            if f"{service}-{architecture}" not in wanted:
                yield _deletion(DEPLOYMENT, f"{service}-{architecture}")
        if request.replicas_of(service) < 2:
            yield _deletion(POD_DISRUPTION_BUDGET, service)


def _deletion(kind: Kind, name: str) -> Raw:
    return _patch({"$patch": "delete", "apiVersion": kind.api_version, "kind": kind.name, "metadata": {"name": name}})


def _placements(request: RenderRequest) -> Iterator[Raw]:
    for workload in request.workloads:
        selector = {
            **request.node_selector,
            ARCHITECTURE_LABEL: workload.architecture,
        }
        spec: dict[str, object] = {"nodeSelector": selector}
        if request.tolerations:
            spec["tolerations"] = [_toleration(toleration) for toleration in request.tolerations]
        if workload.name in SERVICES and DRAIN in request.settings:
            spec["terminationGracePeriodSeconds"] = pod_grace_s(request.settings)
        config_hash = _hash_for(workload, request)
        metadata = {"metadata": {"annotations": {CONFIG_ANNOTATION: config_hash}}} if config_hash else {}
        yield _patch(
            {
                "apiVersion": "apps/v1",
                "kind": "Deployment",
                "metadata": {"name": workload.deployment},
                "spec": {"template": {"spec": spec, **metadata}},
            }
        )


def _hash_for(workload: Workload, request: RenderRequest) -> str:
    """Return a text that changes with the content that a workload reads at its start; empty without content."""
    if workload.name in SERVICES:
        return request.config_hash
    content = request.secrets.get(READ_AT_START.get(workload.name, ""))
    return hashlib.sha256(repr(sorted(content.items())).encode()).hexdigest()[:12] if content else ""


def _toleration(toleration: Toleration) -> Raw:
    return {name: value for name, value in asdict(toleration).items() if value}


def _destinations(request: RenderRequest) -> Iterator[Raw]:
    """Yield patches of the network policies for servers outside the cluster, as narrow as an address allows."""
    for policy, url in (("store", request.redis_url), ("remote-write", request.remote_write_url)):
        if url:
            yield {
                "target": {"kind": "NetworkPolicy", "name": policy},
                "patch": json.dumps([{"op": "replace", "path": "/spec/egress", "value": [_egress(url)]}]),
            }


def _egress(url: str) -> Raw:
    parts = urlsplit(url)
    rule = {"ports": [{"protocol": "TCP", "port": parts.port or PORTS.get(parts.scheme, 443)}]}
    try:
        address = ip_address(parts.hostname or "")
    except ValueError:
        return rule  # a policy takes no names, so it allows this port of any address
    return {"to": [{"ipBlock": {"cidr": f"{address}/{address.max_prefixlen}"}}], **rule}


def _pull_secret(request: RenderRequest) -> Iterator[Raw]:
    if request.pull_secret:
        value = [{"name": request.pull_secret}]
        yield {
            "target": {"kind": "ServiceAccount"},
            "patch": json.dumps([{"op": "add", "path": "/imagePullSecrets", "value": value}]),
        }


def _patch(document: Raw) -> Raw:
    return {"patch": json.dumps(document)}
