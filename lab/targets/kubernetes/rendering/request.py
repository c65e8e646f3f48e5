"""The request for a stack on a cluster, as a value that can be rendered."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Literal

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
