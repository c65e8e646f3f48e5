"""A stack as the lab sees it: addresses, processes, nodes, store."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from lab.model.architectures import processor_of

if TYPE_CHECKING:
    from pathlib import Path


class Death(NamedTuple):
    """A process that ended without having been asked to.

    Attributes:
        service: Which one, or `redis`, `prometheus`.
        instance_id: Of the process that ended; empty where it has none.
        at_ns: When the supervisor noticed.
        signal: The signal that ended it, 0 when it exited by itself.
        exit_code: Its exit code where no signal ended it.
    """

    service: str
    instance_id: str
    at_ns: int
    signal: int
    exit_code: int


@dataclass(frozen=True, slots=True)
class Access:
    """What calls to a stack's services need; None on loopback.

    Attributes:
        ca_file: Certificate of the CA that signed theirs, PEM.
        token_file: The bearer token they ask for.
    """

    ca_file: Path | None = None
    token_file: Path | None = None


@dataclass(frozen=True, slots=True)
class Endpoints:
    """Where everything of a stack is; host:port, URLs where they say so.

    `ingest_for_simulator` is where the simulator sends; empty where it and the lab are on one machine, and so see the
    same addresses and files.
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
    """What one service says of itself (`lab.status.v1`), and what the target knows of it.

    Attributes:
        name: Which service.
        address: Where it answers.
        healthy: Whether it, and everything it depends on, is well.
        instance_id: Of the process, unique per start.
        version: Of the service.
        host_architecture: As the process sees it, for example `aarch64`.
        process_id: On its machine.
        durability: Class of its store.
        config_hash: Of the settings it was started with.
        detail: What is not well, and what the target knows.
        cpu_architecture: Of the CPU beneath, as its kernel names it; empty where nobody can tell.
        node: Of the cluster it runs on; empty for this machine.
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
        """`amd64` and the like; the machine's own word where it is another."""
        return processor_of(self.host_architecture)

    @property
    def emulated(self) -> bool:
        """Whether the CPU beneath is of another architecture than the process."""
        beneath = processor_of(self.cpu_architecture)
        return bool(beneath and self.architecture) and beneath != self.architecture


class NodeClock(NamedTuple):
    """The clock of a cluster's node beside the lab's own.

    Attributes:
        node: Which one.
        offset_s: Seconds that it is ahead; negative where it is behind.
        error_s: The true offset lies within so many seconds of that, however a round trip was divided.
        exchanges: How often it was asked.
    """

    node: str
    offset_s: float
    error_s: float
    exchanges: int


@dataclass(frozen=True, slots=True)
class RolloutRow:
    """A part of a stack on its way up, as it is shown while somebody waits.

    Attributes:
        name: Of the part; it is unique.
        service: What it runs.
        architecture: What it is meant for; empty where that does not matter.
        nodes: Where it is.
        ready: How many of it are ready.
        wanted: How many are to be.
        image: What it runs, `host/name@sha256:…`.
        says: Machines by the processes' own word, once they were asked.
        age_s: Since it was first applied.
        event: The newest that happened to it, in a few words.
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
