"""What the lab itself saw of the things a deployment depends on; None and empty mean: not looked at."""

from dataclasses import dataclass
from typing import Literal

from lab.snapshots.kubernetes import repository_of


@dataclass(frozen=True, slots=True)
class Platform:
    """One image of an index: what the index says it is for, and what its own configuration says it is."""

    architecture: str
    digest: str
    config_architecture: str = ""

    @property
    def holds(self) -> str:
        """The architecture of what is in it; an index may lie, the configuration was written by the build."""
        return self.config_architecture or self.architecture


@dataclass(frozen=True, slots=True)
class ImageProbe:
    """What a registry says of one reference.

    Attributes:
        reference: As it was asked, with tag or digest.
        found: Whether the registry has it.
        index_digest: Digest of the index; empty where the reference names a single image.
        platforms: Its images; where a single one was named, that one first, then those of the index it belongs to;
            where the tag is not there, those of the nearest.
        tags: Tags of the repository, where the one that was asked for is not among them.
        nearest: The one of them that is most like it.
    """

    reference: str
    found: bool | None = None
    index_digest: str = ""
    platforms: tuple[Platform, ...] = ()
    tags: tuple[str, ...] = ()
    nearest: str = ""

    def image_for(self, architecture: str) -> str:
        """Its image for an architecture, by digest; empty where it has none."""
        found = (one.digest for one in self.platforms if one.holds == architecture)
        return next((f"{repository_of(self.reference)}@{digest}" for digest in found), "")

    def is_index_of(self, digest: str) -> bool:
        """Whether it is an index, and holds the image of that digest."""
        return bool(self.index_digest) and any(one.digest == digest for one in self.platforms)


@dataclass(frozen=True, slots=True)
class RegistryProbe:
    """A registry, host:port, as the lab reaches it; *reachable* is None where the settings did not let it ask."""

    host: str
    reachable: bool | None
    scheme: Literal["http", "https", ""] = ""
    error: str = ""


@dataclass(frozen=True, slots=True)
class StoreProbe:
    """Redis as the lab reaches it.

    Attributes:
        address: host:port.
        reachable: Whether somebody answers; None where the settings did not let the lab ask.
        authenticated: Whether it let the lab in.
        policy: `maxmemory-policy`.
        durability: Its class (D36).
        error: What it said against it, or what went wrong before it could.
        tls: Whether it is spoken to by TLS.
        user: Who signs in; empty for the default user.
        password_file: Where the lab reads the password; empty where it needs none.
        ca_file: CA that is trusted in place of the system's; empty for those.
    """

    address: str
    reachable: bool | None
    authenticated: bool | None = None
    policy: str = ""
    durability: Literal["durable", "window", "volatile", "unknown", ""] = ""
    error: str = ""
    tls: bool = False
    user: str = ""
    password_file: str = ""
    ca_file: str = ""


@dataclass(frozen=True, slots=True)
class LastSample:
    """The newest sample of one promised metric of one process; seconds since the epoch."""

    metric: str
    instance: str
    at: float


@dataclass(frozen=True, slots=True)
class PrometheusProbe:
    """Prometheus as the lab reaches it.

    Attributes:
        url: Where it is.
        reachable: Whether somebody answers; None where the settings did not let the lab ask.
        receives: Whether its remote-write receiver is on.
        samples: The newest of every promised metric; None where nobody asked, or got an answer.
        error: What it said against it, or what went wrong before it could.
        inside: Whether it runs in the cluster, where only a port-forward reaches it.
    """

    url: str
    reachable: bool | None
    receives: bool | None = None
    samples: tuple[LastSample, ...] | None = None
    error: str = ""
    inside: bool = False


@dataclass(frozen=True, slots=True)
class ClockProbe:
    """How far a node's clock is ahead of the lab's, give or take, in seconds."""

    node: str
    offset_s: float
    error_s: float


@dataclass(frozen=True, slots=True)
class Denial:
    """Something RBAC refused; *namespace* is empty for what belongs to the whole cluster."""

    verb: str
    resource: str
    namespace: str = ""
    group: str = ""
    user: str = ""


@dataclass(frozen=True, slots=True)
class LedgerProbe:
    """The store's account, in events; *still_s*: seconds the lab watched it count nothing while events waited."""

    accepted: int
    counted: int
    backlog: int
    still_s: float = 0.0


@dataclass(frozen=True, slots=True)
class CollectorProbe:
    """Metric points that the collector took, passed on, could not pass on."""

    received: int
    sent: int
    failed: int


@dataclass(frozen=True, slots=True)
class ProcessProbe:
    """What the process in a pod says of itself: the `instance` of its metrics, `platform.machine()`."""

    pod: str
    instance: str = ""
    architecture: str = ""


@dataclass(frozen=True, slots=True)
class Probes:
    """Everything the lab looked at by itself; *build_log*: the last lines of the last build of images."""

    registries: tuple[RegistryProbe, ...] = ()
    images: tuple[ImageProbe, ...] = ()
    store: StoreProbe | None = None
    prometheus: PrometheusProbe | None = None
    collector: CollectorProbe | None = None
    ledger: LedgerProbe | None = None
    processes: tuple[ProcessProbe, ...] = ()
    clocks: tuple[ClockProbe, ...] = ()
    denials: tuple[Denial, ...] = ()
    build_log: tuple[str, ...] = ()
