"""The ports of what is asked for a snapshot."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Protocol

from lab.model import Endpoints, NodeClock, ServiceStatus, StoreLogin, StoreView
from lab.settings import LabSettings
from lab.snapshots.answers import PrometheusProbe, StoreProbe
from lab.snapshots.images import ImageProbe, RegistryProbe
from lab.snapshots.kubernetes import Raw
from lab.snapshots.kubernetes.kinds import Kind
from lab.snapshots.kubernetes.rights import Right
from lab.snapshots.port import SnapshotSource


class Place(Protocol):
    """The place of a cluster, as reports and errors name it."""

    @property
    def server(self) -> str:
        """Address of the API server."""

    @property
    def user(self) -> str:
        """Name of the user in the kubeconfig."""

    @property
    def context(self) -> str:
        """Context of the kubeconfig."""

    @property
    def namespace(self) -> str:
        """Namespace of the stack."""


class ReadCluster(Protocol):
    """The objects and logs of a cluster.

    Every method raises Forbidden where the user may not, BadConfig where the cluster has no such kind, and Unavailable
    where nobody answers.
    """

    @property
    def namespace(self) -> str:
        """The namespace of the stack."""

    def list(self, kind: Kind) -> Sequence[Raw]:
        """Return every object of a kind in the namespace, or in the cluster for a kind without namespaces."""

    def find(self, kind: Kind, name: str) -> Raw | None:
        """Return an object, or None where there is none of that name."""

    def log(self, pod: str, container: str = "", *, previous: bool = False, lines: int | None = None) -> str:
        """Return the log of a container; empty where the container never ran.

        Args:
            pod: Name of the pod.
            container: Name of the container; empty for the first, which is the service.
            previous: Whether to read the log of the previous run.
            lines: Number of last lines; None for all.
        """


class ReviewedCluster(Protocol):
    """A cluster that tells which rights its user has."""

    @property
    def namespace(self) -> str:
        """The namespace of the stack."""

    def may(self, right: Right) -> bool:
        """Return whether the user has a right; every user may ask. Raises Unavailable where nobody answers."""

    def user(self) -> str:
        """Return the name of the user as the API server tells it, else as the kubeconfig does."""


class AskedCluster(ReadCluster, ReviewedCluster, Protocol):
    """A cluster of which a snapshot is taken; `tests/ports/test_asked_cluster.py` holds for every cluster."""

    @property
    def where(self) -> Place:
        """Server, user and namespace."""

    def version(self) -> str:
        """Return the version of the API server now, for example `v1.34.4`. Raises errors as `ReadCluster` does."""


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
    """The part of a cluster's deployment that is asked; every method but `close` raises LabError where nobody answers.

    `tests/ports/test_running_stack.py` holds for every stack.
    """

    @property
    def cluster(self) -> Namespaced:
        """The cluster that it runs in."""

    @property
    def servers(self) -> Endpoints:
        """URLs of store and metrics server."""

    def processes(self) -> Iterable[tuple[Named, ServiceStatus]]:
        """Return every pod of a service that is ready, with what its process reports now.

        A process that does not answer has a status that is not healthy and has no `instance_id`.
        """

    def clocks(self) -> Iterable[NodeClock]:
        """Return the clock of every node that a service runs on and whose process answers, beside this machine's."""

    def collector_page(self) -> str:
        """Return the collector's own metrics in Prometheus' text format; empty where no collector is ready."""

    def address_of(self, service: str) -> str:
        """Return host:port of a service, as this machine reaches it."""

    def close(self) -> None:
        """End port-forwards; do nothing where they have ended."""


class Stacks(Protocol):
    """The part of a target that is asked: a cluster, and the stack that is up in it.

    `tests/ports/test_stacks.py` holds for the stacks of every target.
    """

    def cluster(self) -> AskedCluster:
        """Open the cluster.

        Raises:
            LabError: The kubeconfig cannot be used, or nobody answers.
        """

    def current(self) -> RunningStack | None:
        """Return the stack that is up, which the caller closes; None where there is none.

        Raises:
            LabError: The cluster does not answer, or the user may not ask.
        """


class NewestSamples(Protocol):
    """The part of a metric source that tells when a metric was last scraped."""

    def newest(self, name: str) -> dict[str, float]:
        """Return `instance` of every process with that metric → time of its newest sample, seconds since the epoch."""


class Ledger(Protocol):
    """The part of a ledger that is watched."""

    def view(self, run: str, *, audit: bool = False) -> StoreView:
        """Return the account; of the whole store where *run* is empty."""


class OpenLedger(Ledger, Protocol):
    """A ledger that holds a connection."""

    def close(self) -> None:
        """Close the connection."""


class Dependencies(Protocol):
    """Asks what is outside a stack; every answer is a probe, never an error, but for samples and ledger.

    `tests/ports/test_dependencies.py` holds for all dependencies.
    """

    def registry(self) -> RegistryProbe | None:
        """Return the registry that images come from; None where none is configured."""

    def images(self, references: Iterable[str]) -> Sequence[ImageProbe]:
        """Return what registries hold under these references, one probe for each, in their order."""

    def store(self, url: str = "", login: StoreLogin | None = None) -> StoreProbe | None:
        """Return the store at a URL, or at that of the settings; None where neither names one.

        Args:
            url: Where the store is.
            login: How to log in; as the settings say unless given.
        """

    def prometheus(self, url: str = "") -> PrometheusProbe | None:
        """Return the metrics server at a URL, or at that of the settings; None where neither names one."""

    def samples(self, url: str) -> NewestSamples:
        """Return the metrics of a stack, by the URL of its metrics server.

        Raises:
            BadConfig: A file that the settings name cannot be read. Reading a sample raises Unavailable.
        """

    def ledger(self, endpoints: Endpoints) -> OpenLedger:
        """Return the account of a stack, which the caller closes.

        Raises:
            BadConfig: A file that secures calls cannot be read. Reading the account raises Unavailable.
        """


class OpenSnapshots(Protocol):
    """Opens the source of snapshots of a target's stacks; satisfied by the class `LocalSnapshots`."""

    def __call__(self, settings: LabSettings, folder: Path | None, /, *, dependencies: Dependencies) -> SnapshotSource:
        """Return the source; nothing is asked yet.

        Args:
            settings: Where stacks are kept, and what they depend on.
            folder: Folder of the stack; None takes the kept stack of the project.
            dependencies: Ask what the stack depends on.
        """
