"""What one look at a namespace holds, as plain data that can be kept in a file."""

import json
import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from lab.errors import DataFault
from lab.snapshots.kubernetes import ARCH, Event, Node, Pod, Raw, Thing, seconds
from lab.snapshots.probes import Probes
from lab.snapshots.redaction import redacted

SCHEMA: Final = 1
"""Version of the file; another one is refused, not guessed at."""
RECENT_S: Final = 600.0
"""What happened longer ago than this is history: a container that died and has been well since."""


@dataclass(frozen=True, slots=True)
class Objects:
    """What the API server returned, list by list; Secrets are never looked at."""

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
    """The last lines of a container, or of the one before it."""

    pod: str
    container: str
    lines: tuple[str, ...]
    previous: bool = False


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the lab applied: a service on an architecture, by its whole image reference."""

    service: str
    architecture: str
    image: str
    namespace: str


@dataclass(frozen=True, slots=True)
class Snapshot:
    """One look. It holds no secret, whatever it was made from: values of secrets are hidden when it is made.

    Attributes:
        namespace: Which one was looked at.
        taken_at: When, seconds since the epoch.
        lab_version: Of the lab that took it.
        objects: What the API server returned.
        logs: Of every container, last lines.
        probes: What the lab itself saw.
        wanted: What the lab had applied.
    """

    namespace: str
    taken_at: float
    lab_version: str = ""
    objects: Objects = field(default_factory=Objects)
    logs: tuple[ContainerLog, ...] = ()
    probes: Probes = field(default_factory=Probes)
    wanted: tuple[Wanted, ...] = ()

    def __post_init__(self) -> None:
        for name in ("objects", "logs", "probes"):
            object.__setattr__(self, name, redacted(getattr(self, name)))

    @property
    def pods(self) -> tuple[Pod, ...]:
        """Pods that are meant to run: not one that is through, is being deleted, or is replaced by a newer revision."""
        pods = [Pod(one) for one in self.objects.pods if not one["metadata"].get("deletionTimestamp")]
        sets = {one.name for one in self.newest_sets.values()}
        old = {one["metadata"]["name"] for one in self.objects.replica_sets} - sets
        return tuple(pod for pod in pods if pod.phase != "Succeeded" and (pod.is_ready or pod.owner not in old))

    @property
    def newest_sets(self) -> Mapping[str, Thing]:
        """The ReplicaSet of the newest revision of each Deployment, by kind/name."""
        sets = sorted(map(Thing, self.objects.replica_sets), key=lambda one: one.revision)
        return {f"Deployment/{one.name.rpartition('-')[0]}": one for one in sets}

    @property
    def nodes(self) -> tuple[Node, ...]:
        """Nodes of the cluster."""
        return tuple(Node(one) for one in self.objects.nodes)

    def node(self, name: str) -> Node | None:
        """The node of that name."""
        return next((node for node in self.nodes if node.name == name), None)

    def deployment(self, workload: str) -> Thing | None:
        """The Deployment of that kind/name."""
        found = (Thing(one) for one in self.objects.deployments)
        return next((one for one in found if f"Deployment/{one.name}" == workload), None)

    def architecture(self, pod: Pod) -> str:
        """The architecture a pod is meant for: its selector's, else that of the node it is on."""
        node = self.node(pod.node)
        return pod.selector.get(ARCH, "") or (node.architecture if node else "")

    def is_wanted(self, workload: str) -> bool:
        """Whether the lab applied it, so that the lab can put it right."""
        names = {one.service for one in self.wanted} | {f"{one.service}-{one.architecture}" for one in self.wanted}
        return workload.removeprefix("Deployment/") in names

    def events(self, about: str, reason: str) -> Iterator[Event]:
        """Recent events of that reason about an object, newest first."""
        found = (Event(one) for one in self.objects.events)
        recent = [one for one in found if (one.about, one.reason) == (about, reason) and self.age_s(one.at) < RECENT_S]
        return iter(sorted(recent, key=lambda one: self.age_s(one.at)))

    def log(self, pod: Pod, container: str = "") -> tuple[str, ...]:
        """The last lines of a pod or of one container; those of the container before come first."""
        mine = [one for one in self.logs if one.pod == pod.name and container in {"", one.container}]
        return tuple(line for one in sorted(mine, key=lambda one: not one.previous) for line in one.lines)

    def age_s(self, timestamp: str) -> float:
        """Seconds from a moment to this look; infinite where there was none."""
        return self.taken_at - seconds(timestamp) if timestamp else math.inf


def by_workload(pods: Iterable[Pod]) -> Mapping[str, tuple[Pod, ...]]:
    """Pods by what made them."""
    grouped: dict[str, tuple[Pod, ...]] = {}
    for pod in pods:
        grouped[pod.workload] = (*grouped.get(pod.workload, ()), pod)
    return grouped


def not_ready(snapshot: Snapshot, workload: str) -> tuple[str, ...]:
    """Those pods of a workload that are not well; in a rollout the old ones still are."""
    pods = by_workload(snapshot.pods).get(workload, ())
    return tuple(pod.ref for pod in pods if not pod.is_ready)


def save(snapshot: Snapshot, path: Path) -> None:
    """Write a snapshot as JSON.

    Raises:
        OSError: The file cannot be written.
    """
    from pydantic import TypeAdapter  # noqa: PLC0415 - heavy

    content = TypeAdapter(Snapshot).dump_python(snapshot, mode="json")
    path.write_text(json.dumps({"schema": SCHEMA, "snapshot": content}, separators=(",", ":")) + "\n", encoding="utf-8")


def load(path: Path) -> Snapshot:
    """Read what `save` wrote.

    Raises:
        DataFault: The file is not there, is no snapshot, or was written by another version.
    """
    from pydantic import TypeAdapter, ValidationError  # noqa: PLC0415 - heavy

    attempted = f"cannot read a snapshot from {path}"
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        if not isinstance(content, dict) or content.get("schema") != SCHEMA:
            schema = content.get("schema") if isinstance(content, dict) else None
            raise DataFault(attempted, found=f"it has schema {schema!r}, this lab reads {SCHEMA}")
        return TypeAdapter(Snapshot).validate_python(content["snapshot"])
    except ValidationError as error:
        first = error.errors()[0]
        raise DataFault(attempted, found=f"{'.'.join(map(str, first['loc']))}: {first['msg']}") from error
    except (OSError, ValueError, KeyError) as error:
        raise DataFault(attempted, found=f"{type(error).__name__}: {error}") from error
