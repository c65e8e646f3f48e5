"""The request for a stack on a cluster, as a value that can be rendered."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Literal
from urllib.parse import urlsplit

from lab.errors import BadConfig, UsageFault
from lab.snapshots.kubernetes import Toleration
from lab.systems.services import SERVICES

Architecture = Literal["amd64", "arm64"]
WorkloadName = Literal[
    "ingest-api", "process-worker", "query-api", "simulator", "otel-collector", "redis", "prometheus"
]
ARCHITECTURES: Final[tuple[Architecture, ...]] = ("amd64", "arm64")


@dataclass(frozen=True, slots=True)
class Workload:
    """A program on nodes of one architecture, which becomes one Deployment.

    Attributes:
        name: A service, the collector, or a server inside the cluster: `redis`, `prometheus`.
        architecture: Architecture of its nodes.
        image: `host/name@sha256:…`, with the digest of the image for exactly this architecture.
        replicas: Number of pods.
    """

    name: WorkloadName
    architecture: Architecture
    image: str
    replicas: int = 1

    @property
    def deployment(self) -> str:
        """Name of its Deployment."""
        return f"{self.name}-{self.architecture}" if self.name in SERVICES else self.name


def tolerations_in(text: str) -> tuple[Toleration, ...]:
    """Return the tolerations in a text that names taints as kubectl does.

    >>> tolerations_in("board=small:NoSchedule,old")  # doctest: +NORMALIZE_WHITESPACE
    (Toleration(key='board', operator='Equal', value='small', effect='NoSchedule'),
     Toleration(key='old', operator='Exists', value='', effect=''))
    """
    tolerations = []
    for taint in filter(None, text.split(",")):
        label, _, effect = taint.partition(":")
        key, _, value = label.partition("=")
        tolerations.append(Toleration.of_taint(key, value, effect))
    return tuple(tolerations)


def labels_in(text: str) -> Mapping[str, str]:
    """Return the labels in a selector.

    >>> labels_in("nodetype=board,zone=a")
    {'nodetype': 'board', 'zone': 'a'}
    """
    pairs = (label.partition("=") for label in filter(None, text.split(",")))
    return {key: value for key, _, value in pairs}


@dataclass(frozen=True, slots=True)
class RenderRequest:
    """Everything that decides which objects are applied.

    Attributes:
        overlay: A folder of `manifests/overlays`.
        namespace: Namespace of all objects.
        stack: Name of the stack, a label on every object.
        workloads: Each service at least once, the collector exactly once.
        redis_url: The store outside the cluster; empty where `redis` is among the workloads.
        remote_write_url: Where the collector writes; empty where `prometheus` is among the workloads, and where the
            collector is to be scraped.
        settings: Settings of services that differ from their defaults, by environment name.
        node_selector: Labels that the nodes of every workload must have.
        tolerations: Tolerations of every pod.
        config_hash: Changes whenever the services must be restarted.
        secrets: Secret → key → content; see `lab.targets.kubernetes.credentials.credentials`.
        pull_secret: Name of the Secret for pulling images; empty for none.
        node_ports: Whether ingest-api and query-api also get a port of every node.
    """

    overlay: str
    namespace: str
    stack: str
    workloads: tuple[Workload, ...]
    redis_url: str = ""
    remote_write_url: str = ""
    settings: Mapping[str, str] = field(default_factory=dict)
    node_selector: Mapping[str, str] = field(default_factory=dict)
    tolerations: tuple[Toleration, ...] = ()
    config_hash: str = ""
    secrets: Mapping[str, Mapping[str, bytes]] = field(default_factory=dict, repr=False)
    pull_secret: str = ""
    node_ports: bool = False

    def has(self, name: WorkloadName) -> bool:
        """Return whether a workload runs inside the cluster."""
        return any(workload.name == name for workload in self.workloads)

    def replicas_of(self, name: str) -> int:
        """Return the number of pods of a workload on all architectures together."""
        return sum(workload.replicas for workload in self.workloads if workload.name == name)


def require_consistent(request: RenderRequest) -> None:
    """Raise where a request contradicts itself.

    Raises:
        UsageFault: A workload is missing or duplicate.
        BadConfig: There is no store, there are two stores, or an address holds a password.
    """
    deployments = [workload.deployment for workload in request.workloads]
    missing = [name for name in (*SERVICES, "otel-collector") if not request.replicas_of(name)]
    duplicates = sorted({name for name in deployments if deployments.count(name) > 1})
    if missing or duplicates:
        counts = f"missing: {', '.join(missing) or 'none'}; duplicate: {', '.join(duplicates) or 'none'}"
        raise UsageFault(
            "a stack needs every service once per architecture, and one collector",
            found=counts,
            next_step="change the workloads of the request",
        )
    if request.redis_url and request.has("redis"):
        raise _two_servers("redis", request.redis_url)
    if not request.redis_url and not request.has("redis"):
        raise BadConfig(
            "no redis for the stack",
            found="neither redis_url (outside the cluster) nor redis_image (inside) is set",
            next_step="export LAB_REDIS_URL=redis://host:port/0",
        )
    if request.remote_write_url and request.has("prometheus"):
        raise _two_servers("prometheus", request.remote_write_url)
    for url in (request.redis_url, request.remote_write_url, *request.settings.values()):
        _require_no_password(url)


def _two_servers(name: str, url: str) -> BadConfig:
    return BadConfig(
        f"two servers of {name} for the stack",
        found=f"one inside the cluster, another at {url}",
        next_step=f"leave one of them out: unset LAB_{name.upper()}_IMAGE",
    )


def _require_no_password(url: str) -> None:
    if "://" in url and (password := urlsplit(url).password):
        shown = url.replace(password, "…")
        raise BadConfig(
            "an address holds a password", found=shown, next_step="put the password into a file, and name the file"
        )
