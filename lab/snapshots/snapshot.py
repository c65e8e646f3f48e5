"""One snapshot of a stack with everything that the stack depends on."""

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, fields
from typing import Final, Literal

from lab.snapshots.answers import Probes
from lab.snapshots.choices import SettingsProbe
from lab.snapshots.cluster import ClusterProbe
from lab.snapshots.kubernetes import ARCHITECTURE_LABEL, Event, KubernetesObject, Node, Pod, Raw, seconds
from lab.snapshots.machine import MachineProbe
from lab.snapshots.programs import ProgramProbe
from lab.snapshots.redaction import redacted

RECENT_S: Final = 600.0
"""A fault that ended longer ago than this is past: a container that died and has been ready since."""
Moment = Literal["before", "after"]
"""Before or after a deployment."""


@dataclass(frozen=True, slots=True)
class Objects:
    """What the API server returned, list by list; Secrets are never requested."""

    namespace: Raw = field(default_factory=dict)
    nodes: tuple[Raw, ...] = ()
    pods: tuple[Raw, ...] = ()
    deployments: tuple[Raw, ...] = ()
    replica_sets: tuple[Raw, ...] = ()
    events: tuple[Raw, ...] = ()
    volume_claims: tuple[Raw, ...] = ()
    volumes: tuple[Raw, ...] = ()
    config_maps: tuple[Raw, ...] = ()
    quotas: tuple[Raw, ...] = ()
    limit_ranges: tuple[Raw, ...] = ()
    network_policies: tuple[Raw, ...] = ()


@dataclass(frozen=True, slots=True)
class ContainerLog:
    """The last lines of a container, or of the run before it."""

    pod: str
    container: str
    lines: tuple[str, ...]
    previous: bool = False


@dataclass(frozen=True, slots=True)
class Wanted:
    """A Deployment that the lab applied: a service on an architecture, with its whole image reference."""

    service: str
    architecture: str
    image: str
    namespace: str


@dataclass(frozen=True, slots=True)
class Snapshot:
    """One snapshot. It holds no secret: values of secrets are hidden when it is made.

    Attributes:
        namespace: Namespace of the stack; empty for this machine.
        taken_at: Seconds since the epoch.
        lab_version: Version of the lab that took it.
        objects: What the API server returned.
        logs: The last lines of every container.
        probes: What servers and processes returned to the lab.
        wanted: What the lab had applied.
        moment: Before or after a deployment.
        machine: This machine; None for a cluster.
        programs: Programs of the stack on this machine; where there is no stack, those that it would start.
        settings: What the settings choose; None where no rule needs it.
        cluster: The cluster before a deployment; None otherwise.
    """

    namespace: str
    taken_at: float
    lab_version: str = ""
    objects: Objects = field(default_factory=Objects)
    logs: tuple[ContainerLog, ...] = ()
    probes: Probes = field(default_factory=Probes)
    wanted: tuple[Wanted, ...] = ()
    moment: Moment = "after"
    machine: MachineProbe | None = None
    programs: tuple[ProgramProbe, ...] = ()
    settings: SettingsProbe | None = None
    cluster: ClusterProbe | None = None

    def __post_init__(self) -> None:
        # Here, and not in a maker of snapshots: no way to make one, from a file or by `replace`, keeps a secret.
        for part in fields(self):
            object.__setattr__(self, part.name, redacted(getattr(self, part.name)))

    @property
    def pods(self) -> tuple[Pod, ...]:
        """Pods that are meant to run: none that is done or terminating, and none of an older revision."""
        pods = [Pod(raw) for raw in self.objects.pods if not raw["metadata"].get("deletionTimestamp")]
        newest = {replica_set.name for replica_set in self.newest_sets.values()}
        old = {raw["metadata"]["name"] for raw in self.objects.replica_sets} - newest
        return tuple(pod for pod in pods if pod.phase != "Succeeded" and (pod.is_ready or pod.owner not in old))

    @property
    def newest_sets(self) -> Mapping[str, KubernetesObject]:
        """Deployment as kind/name → the ReplicaSet of its newest revision."""
        replica_sets = sorted(map(KubernetesObject, self.objects.replica_sets), key=lambda made: made.revision)
        return {f"Deployment/{made.name.rpartition('-')[0]}": made for made in replica_sets}

    @property
    def is_local(self) -> bool:
        """Whether the snapshot shows this machine, and no cluster."""
        return self.machine is not None

    @property
    def nodes(self) -> tuple[Node, ...]:
        """Nodes of the cluster."""
        return tuple(Node(raw) for raw in self.objects.nodes)

    @property
    def will_push(self) -> bool:
        """Whether a stack that is not deployed yet is to write to the receiver of its metrics server."""
        settings = self.settings
        return (
            not self.is_local
            and self.moment == "before"
            and settings is not None
            and settings.prometheus == "outside"
            and not settings.remote_write_url
        )

    def node(self, name: str) -> Node | None:
        """Return the node of that name."""
        return next((node for node in self.nodes if node.name == name), None)

    def program(self, name: str) -> ProgramProbe | None:
        """Return the program of that name."""
        return next((program for program in self.programs if program.name == name), None)

    def deployment(self, workload: str) -> KubernetesObject | None:
        """Return the Deployment of that kind/name."""
        deployments = map(KubernetesObject, self.objects.deployments)
        return next((deployment for deployment in deployments if f"Deployment/{deployment.name}" == workload), None)

    def architecture(self, pod: Pod) -> str:
        """Return the architecture a pod is meant for: that of its selector, else that of its node."""
        node = self.node(pod.node)
        return pod.selector.get(ARCHITECTURE_LABEL, "") or (node.architecture if node else "")

    def is_wanted(self, workload: str) -> bool:
        """Return whether the lab applied a workload, so that the lab can repair it."""
        names = {name for wanted in self.wanted for name in (wanted.service, f"{wanted.service}-{wanted.architecture}")}
        return workload.removeprefix("Deployment/") in names

    def events(self, about: str, reason: str) -> Iterator[Event]:
        """Yield recent events of that reason about an object, newest first."""
        return (event for event in self.recent_events(about) if event.reason == reason)

    def recent_events(self, *about: str) -> list[Event]:
        """Return the recent events about some objects, newest first."""
        events = [event for event in map(Event, self.objects.events) if event.about in about]
        recent = [event for event in events if self.age_s(event.at) < RECENT_S]
        return sorted(recent, key=lambda event: self.age_s(event.at))

    def log(self, pod: Pod, container: str = "") -> tuple[str, ...]:
        """Return the last lines of a pod or of one container; those of the previous run come first."""
        logs = [log for log in self.logs if log.pod == pod.name and container in {"", log.container}]
        return tuple(line for log in sorted(logs, key=lambda log: not log.previous) for line in log.lines)

    def age_s(self, timestamp: str) -> float:
        """Return seconds from a moment to this snapshot; infinite for an empty timestamp."""
        return self.taken_at - seconds(timestamp) if timestamp else math.inf


def by_workload(pods: Iterable[Pod]) -> Mapping[str, tuple[Pod, ...]]:
    """Return pods by their workload."""
    grouped: dict[str, tuple[Pod, ...]] = {}
    for pod in pods:
        grouped[pod.workload] = (*grouped.get(pod.workload, ()), pod)
    return grouped


def not_ready(snapshot: Snapshot, workload: str) -> tuple[str, ...]:
    """Return the pods of a workload that are not ready, as kind/name; during a rollout the old ones still are."""
    pods = by_workload(snapshot.pods).get(workload, ())
    return tuple(pod.ref for pod in pods if not pod.is_ready)
