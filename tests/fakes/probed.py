"""A cluster of which a snapshot is taken, and the stack that is up in it, in memory."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from lab.errors import BadConfig, Forbidden, LabError, Unavailable
from lab.model import Endpoints, NodeClock, ServiceStatus
from lab.snapshots.kubernetes import Raw
from lab.snapshots.kubernetes.kinds import (
    CONFIG_MAP,
    DEPLOYMENT,
    EVENT,
    LIMIT_RANGE,
    NAMESPACE,
    NETWORK_POLICY,
    NODE,
    POD,
    QUOTA,
    REPLICA_SET,
    SERVICE,
    VOLUME,
    VOLUME_CLAIM,
    Kind,
)
from lab.snapshots.kubernetes.rights import Right
from lab.systems.services import SERVICES
from lab.targets.kubernetes.client.where import Where

USER: Final = "lab-user"
KNOWN: Final = frozenset(
    {NAMESPACE, NODE, POD, DEPLOYMENT, REPLICA_SET, EVENT, SERVICE, VOLUME_CLAIM, VOLUME, CONFIG_MAP}
    | {QUOTA, LIMIT_RANGE, NETWORK_POLICY}
)
"""Kinds that the cluster has."""
PAGE: Final = 'otelcol_receiver_accepted_metric_points_total{receiver="otlp"} 20\n'
SERVERS: Final = Endpoints(redis_url="redis://h:6379/0", prometheus_url="http://h:9090")


def forbidden(verb: str, resource: str) -> str:
    """Return the words of an API server that refuses something."""
    return (
        f'https://127.0.0.1:6443 as lab: {resource} is forbidden: User "{USER}" cannot {verb} resource "{resource}" '
        'in API group "" in the namespace "testbed"'
    )


@dataclass
class FakeCluster:
    """A cluster that answers from lists; satisfies `lab.probes.ports.AskedCluster`.

    Attributes:
        lists: Name of a kind → its objects.
        refused: Name of a kind → how the API server calls it in the plural, for kinds that the user may not list.
        logs: (container, whether of the previous run) → log, or why it cannot be read; others never ran.
        denied: (verb, resource) of the rights that the user lacks.
        has_namespace: Whether the namespace of the stack is there.
        is_away: Whether nobody answers.
    """

    lists: Mapping[str, Sequence[Raw]] = field(default_factory=dict)
    refused: Mapping[str, str] = field(default_factory=dict)
    logs: Mapping[tuple[str, bool], str | LabError] = field(default_factory=dict)
    denied: frozenset[tuple[str, str]] = frozenset()
    has_namespace: bool = True
    is_away: bool = False
    namespace: str = "testbed"
    where: Where = Where("https://127.0.0.1:6443", "lab", "c", "testbed")  # noqa: RUF009  it is frozen

    def list(self, kind: Kind, *, selector: str = "") -> Sequence[Raw]:
        """See `ReadCluster.list`; a selector names one label and its value."""
        self._require(kind)
        if kind.name in self.refused:
            raise Forbidden(f"cannot list {kind.name}s", found=forbidden("list", self.refused[kind.name]))
        label, _, value = selector.partition("=")
        objects = self.lists.get(kind.name, ())
        return [raw for raw in objects if not label or raw["metadata"].get("labels", {}).get(label) == value]

    def find(self, kind: Kind, name: str) -> Raw | None:
        """See `ReadCluster.find`."""
        self._require(kind)
        if kind == NAMESPACE and self.has_namespace and name == self.namespace:
            return {"metadata": {"name": name}}
        return next((raw for raw in self.lists.get(kind.name, ()) if raw["metadata"]["name"] == name), None)

    def may(self, right: Right) -> bool:
        """See `ReviewedCluster.may`."""
        self._require()
        return (right.verb, right.resource) not in self.denied

    def user(self) -> str:
        """See `ReviewedCluster.user`; it is not the name in the kubeconfig."""
        return USER

    def version(self) -> str:
        """See `AskedCluster.version`."""
        self._require()
        return "v1.34.4"

    def log(self, pod: str, container: str = "", *, previous: bool = False, lines: int | None = None) -> str:
        """See `ReadCluster.log`; every pod has the same logs."""
        self._require()
        log = self.logs.get((container, previous), "")
        if isinstance(log, LabError):
            raise log
        return log

    def _require(self, kind: Kind = NAMESPACE) -> None:
        if self.is_away:
            raise Unavailable("cannot reach the cluster", found=self.where.server, code="E_UNREACHABLE")
        if kind not in KNOWN:
            raise BadConfig(f"this cluster knows no {kind.name} of {kind.api_version}")


@dataclass(frozen=True, slots=True)
class NamedPod:
    """A pod, by its name."""

    name: str


def well(service: str) -> ServiceStatus:
    """Return the status of a service that is well."""
    return ServiceStatus(service, "127.0.0.1:1", healthy=True, instance_id=f"{service}-i", host_architecture="x86_64")


def silent(service: str) -> ServiceStatus:
    """Return the status of a service whose process does not answer."""
    return ServiceStatus(service, "127.0.0.1:1", healthy=False, detail="DEADLINE_EXCEEDED")


@dataclass
class FakeRunningStack:
    """A stack of one pod for each service; satisfies `lab.probes.ports.RunningStack`.

    Attributes:
        cluster: Where it runs.
        faults: `processes`, `clocks`, `collector` → why it cannot be asked.
        servers: URLs of store and metrics server.
        statuses: What the process of each service reports.
        addresses: Services that are reached → host:port.
        page: The collector's own metrics; empty where no collector is ready.
        closings: How often it was closed.
    """

    cluster: FakeCluster
    faults: Mapping[str, LabError] = field(default_factory=dict)
    servers: Endpoints = SERVERS
    statuses: Sequence[ServiceStatus] = tuple(map(well, SERVICES))
    addresses: Mapping[str, str] = field(default_factory=dict)
    page: str = PAGE
    closings: int = 0

    def processes(self) -> Sequence[tuple[NamedPod, ServiceStatus]]:
        """See `RunningStack.processes`."""
        self._raise_fault_of("processes")
        return [(NamedPod(f"{status.name}-1"), status) for status in self.statuses]

    def clocks(self) -> Sequence[NodeClock]:
        """See `RunningStack.clocks`."""
        self._raise_fault_of("clocks")
        return [NodeClock("r3", 0.0, 0.1, 3)]

    def collector_page(self) -> str:
        """See `RunningStack.collector_page`."""
        self._raise_fault_of("collector")
        return self.page

    def address_of(self, service: str) -> str:
        """See `RunningStack.address_of`."""
        if service not in self.addresses:
            raise Unavailable(f"cannot reach {service}")
        return self.addresses[service]

    def close(self) -> None:
        """See `RunningStack.close`."""
        self.closings += 1

    def _raise_fault_of(self, part: str) -> None:
        if part in self.faults:
            raise self.faults[part]


@dataclass
class FakeStacks:
    """A cluster, and the stack that is up in it, if any; satisfies `lab.probes.ports.Stacks`.

    Attributes:
        opened: The cluster.
        running: The stack; None where none is up.
        fault: Why the stack cannot be asked for.
    """

    opened: FakeCluster = field(default_factory=FakeCluster)
    running: FakeRunningStack | None = None
    fault: LabError | None = None

    def cluster(self) -> FakeCluster:
        """See `Stacks.cluster`."""
        self.opened.version()
        return self.opened

    def current(self) -> FakeRunningStack | None:
        """See `Stacks.current`."""
        self.opened.version()
        if self.fault is not None:
            raise self.fault
        return self.running


def stacks_of(running: FakeRunningStack, *, fault: LabError | None = None) -> FakeStacks:
    """Return a cluster in which a stack is up, or cannot be asked for."""
    return FakeStacks(running.cluster, running, fault)
