"""Answers to the lab's questions; an empty value means that the question was not asked."""

from dataclasses import dataclass
from typing import Final, Literal

from lab.snapshots.gaps import Denial, Unanswered
from lab.snapshots.images import ImageProbe, RegistryProbe

STILL_S: Final = 15.0
"""Within so many seconds another worker takes over what a dead one held: longer, and events that wait are stuck."""


@dataclass(frozen=True, slots=True)
class StoreProbe:
    """Redis, as the lab reaches it.

    Attributes:
        address: host:port.
        reachable: Whether a server answers; None where the settings cannot be used.
        authenticated: Whether the login succeeded.
        policy: `maxmemory-policy`.
        durability: Its class (D36).
        error: The server's error reply, or why the server could not be asked.
        tls: Whether TLS is used.
        user: User who logs in; empty for the default user.
        password_file: File with the password; empty where none is configured.
        ca_file: CA that is trusted in place of the system's; empty for the system's.
        kind: `redis` or `valkey`; empty where it does not tell.
        version: Version of the server.
        speaks: Version of Redis whose commands the server has.
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
    kind: str = ""
    version: str = ""
    speaks: str = ""


@dataclass(frozen=True, slots=True)
class LastSample:
    """The newest sample of one promised metric of one process; seconds since the epoch."""

    metric: str
    instance: str
    at: float


@dataclass(frozen=True, slots=True)
class PrometheusProbe:
    """Prometheus, as the lab reaches it.

    Attributes:
        url: Its address.
        reachable: Whether a server answers; None where the settings cannot be used.
        receives: Whether its remote-write receiver is on.
        samples: The newest of every promised metric; None where the server was not queried, or gave no answer.
        error: The server's error, or why the server could not be asked.
        inside: Whether the server runs in the cluster, where only a port-forward reaches it.
        version: Version of the server; empty where it does not tell.
    """

    url: str
    reachable: bool | None
    receives: bool | None = None
    samples: tuple[LastSample, ...] | None = None
    error: str = ""
    inside: bool = False
    version: str = ""


@dataclass(frozen=True, slots=True)
class ClockProbe:
    """How far a node's clock is ahead of the lab's, in seconds, with the error of the measurement."""

    node: str
    offset_s: float
    error_s: float


@dataclass(frozen=True, slots=True)
class LedgerProbe:
    """The store's account, in events; *still_s*: for how many seconds nothing was counted while events waited."""

    accepted: int
    counted: int
    backlog: int
    still_s: float = 0.0


@dataclass(frozen=True, slots=True)
class CollectorProbe:
    """Metric points that the collector received, sent, and failed to send."""

    received: int
    sent: int
    failed: int


@dataclass(frozen=True, slots=True)
class ProcessProbe:
    """What the process in a pod tells of itself: the `instance` of its metrics, `platform.machine()`."""

    pod: str
    instance: str = ""
    architecture: str = ""


@dataclass(frozen=True, slots=True)
class Probes:
    """What was asked of servers and processes.

    Attributes:
        registries: Registries that images come from.
        images: What registries hold of the images that were looked for.
        store: The store.
        prometheus: The metrics server.
        collector: The collector's own counters.
        ledger: The store's account.
        processes: What processes tell of themselves.
        clocks: Clocks of nodes.
        denials: What RBAC refused.
        build_log: The last lines of the last build of images.
        unanswered: Parts that are missing because asking for them failed.
    """

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
    unanswered: tuple[Unanswered, ...] = ()

    def image(self, reference: str) -> ImageProbe | None:
        """Return what registries hold of a reference; None where it was not looked for."""
        return next((image for image in self.images if image.reference == reference), None)
