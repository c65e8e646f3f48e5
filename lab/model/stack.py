"""A stack: addresses, processes, nodes, store."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from lab.model.architectures import processor_of

if TYPE_CHECKING:
    from pathlib import Path


class Death(NamedTuple):
    """A process that ended unexpectedly.

    Attributes:
        service: What ran in the process: a service, `redis` or `prometheus`.
        instance_id: Id of the process; empty where it has none.
        at_ns: When the supervisor noticed.
        signal: The signal that ended the process; 0 when it exited by itself.
        exit_code: Exit code of the process, where no signal ended it.
        last_words: The end of its log; empty where that is unknown.
    """

    service: str
    instance_id: str
    at_ns: int
    signal: int
    exit_code: int
    last_words: str = ""

    @property
    def how(self) -> str:
        """How the process ended, in words that follow its name.

        >>> Death("redis", "", 0, 0, 1, "no space is left").how
        'exited with 1: no space is left'
        """
        how = f"was ended by signal {self.signal}" if self.signal else f"exited with {self.exit_code}"
        return f"{how}: {self.last_words}" if self.last_words else how


@dataclass(frozen=True, slots=True)
class Access:
    """The files that secure calls to the services of a stack.

    Attributes:
        ca_file: Certificate of the CA that signed the services' certificates, PEM; None on loopback, without TLS.
        token_file: The bearer token of every call; None where callers need none.
    """

    ca_file: Path | None = None
    token_file: Path | None = None


@dataclass(frozen=True, slots=True)
class StoreLogin:
    """How to log in to a store.

    Attributes:
        password_file: File with the password.
        user: Name of the user; empty for the user that the store's URL names, else the store's default user.
    """

    password_file: Path
    user: str = ""


@dataclass(frozen=True, slots=True)
class Endpoints:
    """Where the parts of a stack answer: host:port, or a URL where the name says so; empty for none.

    `ingest_for_simulator` is where the simulator sends. It is empty where simulator and lab are on one machine, and so
    have the same addresses and files.
    """

    ingest: str = ""
    worker: str = ""
    query: str = ""
    simulator: str = ""
    redis_url: str = ""
    prometheus_url: str = ""
    ingest_for_simulator: str = ""
    access: Access = Access()


@dataclass(frozen=True, slots=True)
class Bound:
    """The limit of something that a service fills up, such as its backlog; a limit of 0 is none."""

    name: str
    used: int
    limit: int
    unit: str


@dataclass(frozen=True, slots=True)
class ServiceStatus:
    """The status of a service, as the process itself (`lab.status.v1`) and the target report it.

    Attributes:
        name: Name of the service.
        address: Where the process answers.
        healthy: Whether the process and all its dependencies are well.
        instance_id: Id of the process, unique per start.
        version: Version of the service.
        host_architecture: Architecture as the process sees it, for example `aarch64`.
        process_id: Id of the process on its machine.
        durability: Class of its store.
        config_hash: Hash of the settings that the process started with.
        detail: Faults of the process and its dependencies, and facts from the target.
        cpu_architecture: Architecture of the CPU, as its kernel names it; empty where it is not known.
        node: Node of the cluster; empty for this machine.
        bounds: What the service fills up, with the limits.
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
    bounds: tuple[Bound, ...] = ()

    @property
    def architecture(self) -> str:
        """The architecture as Kubernetes names it, such as `amd64`; an unknown name stays as it is."""
        return processor_of(self.host_architecture)

    @property
    def emulated(self) -> bool:
        """Whether the CPU has another architecture than the process."""
        beneath = processor_of(self.cpu_architecture)
        return bool(beneath and self.architecture) and beneath != self.architecture


class NodeClock(NamedTuple):
    """The clock of a cluster's node beside the lab's own.

    Attributes:
        node: Node of the cluster.
        offset_s: Seconds that the clock is ahead; negative where it is behind.
        error_s: Seconds between measured and true offset at most, however the round trips were divided.
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
        name: Unique name of the part.
        service: Service that the part runs.
        architecture: Architecture that the part is meant for; empty where that does not matter.
        nodes: Where its pods are.
        ready: Number of pods that are ready.
        wanted: Number of pods that must be ready.
        image: Image that its pods run, `host/name@sha256:…`.
        says: Machines as the processes report them; empty before the first report.
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
    """The identity of a process, as requested and as its node, its runtime and the process itself report it.

    Attributes:
        name: Name of the pod or program.
        service: What runs in it.
        instance_id: Id of the process; the `instance` of its metrics.
        architecture: Architecture that the process was deployed for.
        node: Where it runs.
        node_architecture: Architecture as the node reports it.
        image: Image that was requested.
        image_id: Image that runs, as the node's runtime reports it.
        machine: Machine as the process reports it (`platform.machine()`).
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
