"""The parts of a cluster, of its stack and of its surroundings that are asked for a snapshot."""

from collections.abc import Iterable, Sequence
from typing import Protocol

from lab.model import Endpoints, NodeClock, ServiceStatus
from lab.probes.telemetry import OpenLedger, Samples
from lab.snapshots.probes import ImageProbe, PrometheusProbe, RegistryProbe, StoreProbe
from lab.targets.kubernetes.client.reader import Reader
from lab.targets.kubernetes.client.rights import Right
from lab.targets.kubernetes.client.where import Where


class LogReader(Reader, Protocol):
    """Reads the objects and logs of one namespace."""

    def log(self, pod: str, container: str = "", *, previous: bool = False, lines: int | None = None) -> str:
        """Return the log of a container; empty where the container never ran."""


class Reviewer(Protocol):
    """Tells which rights its user has."""

    @property
    def namespace(self) -> str:
        """The namespace of the stack."""

    def may(self, right: Right) -> bool:
        """Return whether the user has a right."""

    def user(self) -> str:
        """Return the user, as the API server names the user."""


class AskedCluster(LogReader, Reviewer, Protocol):
    """A cluster of which a snapshot is taken."""

    @property
    def where(self) -> Where:
        """Server, user and namespace."""


class Named(Protocol):
    """A pod, by its name."""

    @property
    def name(self) -> str:
        """Its name in the namespace."""


class Namespaced(Protocol):
    """A cluster, by the namespace of its stack."""

    @property
    def namespace(self) -> str:
        """The namespace of the stack."""


class RunningStack(Protocol):
    """The part of a cluster's deployment that is asked; every method raises LabError where nobody answers."""

    @property
    def cluster(self) -> Namespaced:
        """The cluster that it runs in."""

    @property
    def servers(self) -> Endpoints:
        """URLs of store and metrics server."""

    def processes(self) -> Iterable[tuple[Named, ServiceStatus]]:
        """Return every pod of a service that is ready, with what its process reports."""

    def clocks(self) -> Iterable[NodeClock]:
        """Return the clock of every node that a service runs on."""

    def collector_page(self) -> str:
        """Return the collector's own metrics in Prometheus' text format."""

    def address_of(self, service: str) -> str:
        """Return the address of a service."""

    def close(self) -> None:
        """End port-forwards."""


class Stacks(Protocol):
    """The part of a target that is asked: a cluster, and the stack that is up in it."""

    def cluster(self) -> AskedCluster:
        """Open the cluster."""

    def current(self) -> RunningStack | None:
        """Return the stack that is up, or None."""


class Dependencies(Protocol):
    """Asks what is outside a stack; every answer is a probe, never an error, but for samples and ledger."""

    def registry(self) -> RegistryProbe | None:
        """Return the registry that images come from; None where none is configured."""

    def images(self, references: Iterable[str]) -> Sequence[ImageProbe]:
        """Return what registries hold under these references."""

    def store(self, url: str = "") -> StoreProbe | None:
        """Return the store at a URL, or at that of the settings; None where neither names one."""

    def prometheus(self, url: str = "") -> PrometheusProbe | None:
        """Return the metrics server at a URL, or at that of the settings; None where neither names one."""

    def samples(self, url: str) -> Samples:
        """Return the metrics of a stack, by the URL of its metrics server."""

    def ledger(self, endpoints: Endpoints) -> OpenLedger:
        """Return the account of a stack."""
