"""The parts of a snapshot that was taken before a deployment: name, facts, the causes that belong to each. Pure."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final

from lab.diagnosis import descriptions
from lab.diagnosis.finding import Finding
from lab.snapshots.cluster import ClusterProbe
from lab.snapshots.snapshot import Snapshot

OF_A_NODE: Final = ("node-not-ready", "disk-pressure", "node-pressure", "clock-skew")


def _always(_: Snapshot) -> bool:
    return True


@dataclass(frozen=True, slots=True)
class Section:
    """A part of a snapshot that gets a check.

    Attributes:
        name: Name of the check.
        describe: Returns the facts of this part in a few words; None for a part without facts.
        causes: Causes of the faults that belong to it.
        objects: Only faults of these objects belong to it, `Node/r3`, or of these kinds, `Redis/`; empty for any.
        applies: Whether anything was asked about it.
    """

    name: str
    describe: Callable[[Snapshot], str] | None = None
    causes: Sequence[str] = ()
    objects: Sequence[str] = ()
    applies: Callable[[Snapshot], bool] = _always

    def holds(self, finding: Finding) -> bool:
        """Return whether a finding belongs here."""
        kind = f"{finding.object.partition('/')[0]}/"
        return finding.cause in self.causes and (not self.objects or bool({kind, finding.object} & set(self.objects)))


def _answers(snapshot: Snapshot) -> bool:
    """Return whether the cluster answered."""
    return not (snapshot.cluster or ClusterProbe(error="not asked")).error


def _is_open(snapshot: Snapshot) -> bool:
    """Return whether the cluster was asked for more than its version: its namespace may be deployed into."""
    return _answers(snapshot) and not (snapshot.cluster or ClusterProbe()).namespace_is_reserved


def _hides_nodes(snapshot: Snapshot) -> bool:
    """Return whether the nodes could not be listed."""
    return bool((snapshot.cluster or ClusterProbe()).nodes_error)


def _shows_nodes(snapshot: Snapshot) -> bool:
    return _is_open(snapshot) and not _hides_nodes(snapshot)


def _image(setting: str) -> Section:
    """Return the section of an image that a setting names."""

    def is_needed(snapshot: Snapshot) -> bool:
        return snapshot.settings is not None and any(image.setting == setting for image in snapshot.settings.images)

    return Section(
        setting.removeprefix("LAB_").lower(),
        partial(descriptions.image, setting=setting),
        causes=("image-setting",),
        objects=(f"Setting/{setting}",),
        applies=is_needed,
    )


STORE: Final = (
    "store-not-named", "redis-unreachable", "redis-password", "redis-not-asked", "redis-evicts", "redis-not-durable",
    "store-refused",
)  # fmt: skip
PROMETHEUS: Final = ("prometheus-not-named", "prometheus-not-asked", "prometheus-receives-nothing")
CLUSTER_PART: Final = (
    Section("cluster", descriptions.cluster, causes=("cluster-unreachable", "cluster-too-old")),
    Section("rights", descriptions.rights, causes=("forbidden",), applies=_is_open),
    Section("faults", descriptions.faults, applies=_is_open),
)
PLACES: Final = (
    Section(
        "nodes",
        causes=("nodes-not-listed",),
        applies=_hides_nodes,
    ),
    Section(
        "placement",
        descriptions.placement,
        causes=("no-node-for-architecture",),
        applies=_shows_nodes,
    ),
    Section(
        "namespace",
        descriptions.namespace,
        causes=("namespace-not-usable", "namespace-terminating"),
        applies=_answers,
    ),
)
CHOICES: Final = (
    Section(
        "registry",
        descriptions.registry,
        causes=("registry-not-named", "registry-not-asked", "registry-unreachable", "registry-refuses"),
    ),
    Section("images", descriptions.images, causes=("images-not-locked", "locked-image-wrong")),
    *map(_image, ("LAB_COLLECTOR_IMAGE", "LAB_REDIS_IMAGE", "LAB_PROMETHEUS_IMAGE")),
    Section("redis", descriptions.store, causes=STORE),
    Section("prometheus", descriptions.prometheus, causes=PROMETHEUS),
)
LOCAL: Final = (
    Section("platform", descriptions.platform, causes=("not-linux",)),
    Section("python", descriptions.python, causes=("python-too-old",)),
    Section("store", descriptions.local_store, causes=(*STORE, "program-missing"), objects=("Redis/", "Program/redis")),
    Section(
        "prometheus",
        descriptions.local_prometheus,
        causes=(*PROMETHEUS, "program-missing"),
        objects=("Prometheus/", "Program/prometheus"),
    ),
    Section("telemetry", descriptions.telemetry, causes=("metrics-elsewhere",)),
    Section("disk", descriptions.disk, causes=("disk-full",)),
    Section("runs", descriptions.runs),
)


def sections_of(snapshot: Snapshot) -> Iterator[Section]:
    """Yield the parts of a snapshot that something was asked about."""
    nodes = [
        Section(
            f"node {node.name}",
            partial(descriptions.node, name=node.name),
            causes=OF_A_NODE,
            objects=(node.ref,),
        )
        for node in snapshot.nodes
    ]
    parts = LOCAL if snapshot.is_local else (*CLUSTER_PART, *nodes, *PLACES, *CHOICES)
    return (section for section in parts if section.applies(snapshot))
