"""What a stack on Kubernetes is to be made of."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, cast
from urllib.parse import urlsplit

from lab.errors import BadConfig, UsageFault
from lab.systems.services import SERVICES

Architecture = Literal["amd64", "arm64"]
Effect = Literal["", "NoSchedule", "PreferNoSchedule", "NoExecute"]
WorkloadName = Literal[
    "ingest-api", "process-worker", "query-api", "simulator", "otel-collector", "redis", "prometheus"
]


@dataclass(frozen=True, slots=True)
class Workload:
    """One program on nodes of one architecture: one Deployment.

    Attributes:
        name: A service, the collector, or a part that is wanted inside the cluster: `redis`, `prometheus`.
        architecture: Of the nodes it may run on.
        image: `host/name@sha256:…`, where the digest is that of exactly this architecture.
        replicas: How many pods.
        node_selector: Labels its nodes must have besides the architecture, for example `nodetype: vm`.
    """

    name: WorkloadName
    architecture: Architecture
    image: str
    replicas: int = 1
    node_selector: Mapping[str, str] = field(default_factory=dict)

    @property
    def deployment(self) -> str:
        """Name of its Deployment."""
        return f"{self.name}-{self.architecture}" if self.name in SERVICES else self.name


@dataclass(frozen=True, slots=True)
class Toleration:
    """A taint that does not keep the pods away; an empty effect stands for all, an empty value for any."""

    key: str
    value: str = ""
    effect: Effect = ""

    def covers(self, taint: Mapping[str, str]) -> bool:
        """Whether it lets pods onto a node with this taint, as the API has it."""
        same_effect = self.effect in {"", taint.get("effect", "")}
        return self.key == taint.get("key") and same_effect and self.value in {"", taint.get("value", "")}


def tolerations_in(text: str) -> tuple[Toleration, ...]:
    """Taints as kubectl writes them.

    >>> tolerations_in("board=small:NoSchedule,old")
    (Toleration(key='board', value='small', effect='NoSchedule'), Toleration(key='old', value='', effect=''))
    """
    found = []
    for one in filter(None, text.split(",")):
        taint, _, effect = one.partition(":")
        key, _, value = taint.partition("=")
        found.append(Toleration(key, value, cast("Effect", effect)))
    return tuple(found)


def labels_in(text: str) -> Mapping[str, str]:
    """Labels of a selector.

    >>> labels_in("nodetype=board,zone=a")
    {'nodetype': 'board', 'zone': 'a'}
    """
    pairs = (one.partition("=") for one in filter(None, text.split(",")))
    return {key: value for key, _, value in pairs}


@dataclass(frozen=True, slots=True)
class RenderRequest:
    """Everything that decides what is applied.

    Attributes:
        overlay: A folder of `manifests/overlays`.
        namespace: Where it goes.
        stack: Name of the stack, a label on every object.
        workloads: What runs; each service at least once, the collector exactly once.
        redis_url: The store outside the cluster; empty where `redis` is among the workloads.
        remote_write_url: Where the collector writes; empty where `prometheus` is among the workloads, and where the
            collector is to be scraped.
        settings: Settings of services that differ from their defaults, by environment name.
        node_selector: Labels that the nodes of every workload must have.
        tolerations: Of every pod.
        config_hash: Changes whenever the services have to start anew.
        secrets: Secret → key → content; see `lab.targets.kubernetes.credentials.certificates`.
        pull_secret: Name of the Secret that the registry asks for; empty for none.
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
        """Whether this runs inside the cluster."""
        return any(workload.name == name for workload in self.workloads)

    def replicas_of(self, name: str) -> int:
        """Pods of a workload on all architectures together."""
        return sum(workload.replicas for workload in self.workloads if workload.name == name)


def require_sense(request: RenderRequest) -> None:
    """Raise where a request contradicts itself.

    Raises:
        UsageFault: A workload is missing or there twice.
        BadConfig: There is no store, there are two, or an address holds a password.
    """
    deployments = [workload.deployment for workload in request.workloads]
    missing = [name for name in (*SERVICES, "otel-collector") if not request.replicas_of(name)]
    twice = sorted({name for name in deployments if deployments.count(name) > 1})
    if missing or twice:
        found = f"missing: {', '.join(missing) or 'none'}; there twice: {', '.join(twice) or 'none'}"
        raise UsageFault("a stack needs every service once per architecture, and one collector", found=found)
    _require_one("redis", request.redis_url, request.has("redis"))
    if request.remote_write_url and request.has("prometheus"):
        raise _two("prometheus", request.remote_write_url)
    for url in (request.redis_url, request.remote_write_url, *request.settings.values()):
        if "://" in url and urlsplit(url).password:
            shown = url.replace(urlsplit(url).password or "", "…")
            raise BadConfig("an address holds a password", found=shown, next_step="name a file that holds it")


def _require_one(name: str, url: str, inside: bool) -> None:  # noqa: FBT001  both are the point
    if url and inside:
        raise _two(name, url)
    if not url and not inside:
        raise BadConfig(
            f"no {name} for the stack",
            found=f"neither {name}_url (outside the cluster) nor {name}_image (inside) is set",
            next_step=f"export LAB_{name.upper()}_URL={name}://host:port/0",
        )


def _two(name: str, url: str) -> BadConfig:
    return BadConfig(f"two of {name}: one in the cluster, and {url}", next_step="leave one of them out")
