"""A stack: addresses, processes, nodes, store."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from lab.model.architectures import processor_of

if TYPE_CHECKING:
    from pathlib import Path


class Death(NamedTuple):
    """A process that ended unasked.

    Attributes:
        service: What ran in the process: a service, `redis` or `prometheus`.
        instance_id: Of the process; empty where it has none.
        at_ns: When the supervisor noticed.
        signal: The signal that ended the process; 0 when it exited by itself.
        exit_code: Of the process, where no signal ended it.
    """

    service: str
    instance_id: str
    at_ns: int
    signal: int
    exit_code: int


@dataclass(frozen=True, slots=True)
class Access:
    """What calls to the services of a stack need; both are None on loopback.

    Attributes:
        ca_file: Certificate of the CA that signed the services' certificates, PEM.
        token_file: The bearer token of every call.
    """

    ca_file: Path | None = None
    token_file: Path | None = None


@dataclass(frozen=True, slots=True)
class Endpoints:
    """Where the parts of a stack answer: host:port, or a URL where the name says so.

    `ingest_for_simulator` is where the simulator sends. It is empty where simulator and lab are on one machine, and so
    have the same addresses and files.
    """

    ingest: str
    worker: str
    query: str
    simulator: str
    redis_url: str
    prometheus_url: str
    ingest_for_simulator: str = ""
    access: Access = Access()


@dataclass(frozen=True, slots=True)
class ServiceStatus:
    """The status of a service, by the process itself (`lab.status.v1`) and by the target.

    Attributes:
        name: Of the service.
        address: Where the process answers.
        healthy: Whether the process and everything it depends on is well.
        instance_id: Of the process, unique per start.
        version: Of the service.
        host_architecture: As the process sees it, for example `aarch64`.
        process_id: On its machine.
        durability: Class of its store.
        config_hash: Of the settings that the process started with.
        detail: What is not well, and what the target knows.
        cpu_architecture: Of the CPU beneath, as its kernel names it; empty where it is not known.
        node: Of the cluster; empty for this machine.
    """

    name: str
    address: str
    healthy: bool
    instance_id: str = ""
    version: str = ""
    host_architecture: str = ""
    process_id: int = 0
    durability: str = ""
    config_hash: str = ""
    detail: str = ""
    cpu_architecture: str = ""
    node: str = ""

    @property
    def architecture(self) -> str:
        """The architecture as Kubernetes names it, such as `amd64`; an unknown name stays as it is."""
        return processor_of(self.host_architecture)

    @property
    def emulated(self) -> bool:
        """Whether the CPU beneath has another architecture than the process."""
        beneath = processor_of(self.cpu_architecture)
        return bool(beneath and self.architecture) and beneath != self.architecture


class NodeClock(NamedTuple):
    """The clock of a cluster's node beside the lab's own.

    Attributes:
        node: Of the cluster.
        offset_s: Seconds that the clock is ahead; negative where it is behind.
        error_s: The true offset is at most so many seconds away, however the round trips were divided.
        exchanges: How often the clock was read.
    """

    node: str
    offset_s: float
    error_s: float
    exchanges: int


@dataclass(frozen=True, slots=True)
class RolloutRow:
    """A part of a stack during its rollout, as it is displayed.

    Attributes:
        name: Of the part; it is unique.
        service: That the part runs.
        architecture: That the part is meant for; empty where that does not matter.
        nodes: Where its pods are.
        ready: Number of pods that are ready.
        wanted: Number of pods that must be ready.
        image: That its pods run, `host/name@sha256:…`.
        says: Machines as the processes report them; empty until they were asked.
        age_s: Seconds since the part was first applied.
        event: The newest event of its pods, in a few words.
    """

    name: str
    service: str
    architecture: str
    nodes: tuple[str, ...]
    ready: int
    wanted: int
    image: str
    says: tuple[str, ...]
    age_s: float
    event: str


@dataclass(frozen=True, slots=True)
class StoreFacts:
    """The store behind a stack: `valkey` or `redis`, version, durability class."""

    kind: str
    version: str
    durability: str


@dataclass(frozen=True, slots=True)
class ProcessIdentity:
    """What one process was meant to be, and what its node, its runtime and the process itself say it is.

    Attributes:
        name: Of the pod or program.
        service: What runs in it.
        instance_id: Of the process; the `instance` of its metrics.
        architecture: That it was deployed for.
        node: Where it runs.
        node_architecture: As the node reports it.
        image: That was asked for.
        image_id: That the node's runtime says it runs.
        machine: As the process reports it (`platform.machine()`).
    """

    name: str
    service: str
    instance_id: str
    architecture: str
    node: str
    node_architecture: str
    image: str
    image_id: str
    machine: str
