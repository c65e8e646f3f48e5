"""What keeps the pods of a stack away from a node, before there are any pods. Pure."""

from collections.abc import Mapping
from typing import Final, NamedTuple

from lab.snapshots.choices import SettingsProbe
from lab.snapshots.kubernetes import CONDITION_TAINTS, Node
from lab.snapshots.snapshot import Snapshot

CORDONED: Final = f"{CONDITION_TAINTS}unschedulable"


class Obstacles(NamedTuple):
    """What keeps the pods of a stack away from a node.

    Attributes:
        is_cordoned: Whether the node was told to take no new pods.
        taints: Taints that the settings do not tolerate, as kubectl writes them.
        condition_taints: Taints that follow from a condition of the node and go with it; no pod should tolerate these.
        missing_labels: Labels that the settings ask for.
    """

    is_cordoned: bool
    taints: tuple[str, ...]
    condition_taints: tuple[str, ...]
    missing_labels: tuple[str, ...]


def obstacles(node: Node, settings: SettingsProbe) -> Obstacles:
    """Return what keeps the pods of a stack with these settings away from a node."""
    taints = [
        f"{taint['key']}{'=' + taint['value'] if taint.get('value') else ''}:{taint['effect']}"
        for taint in node.taints
        if not any(toleration.tolerates(taint) for toleration in settings.tolerations)
    ]
    own = [taint for taint in taints if taint.startswith(CONDITION_TAINTS)]
    wanted = settings.node_selector.items()
    return Obstacles(
        is_cordoned=bool(node.spec.get("unschedulable")) or any(taint.startswith(CORDONED) for taint in own),
        taints=tuple(taint for taint in taints if taint not in own),
        condition_taints=tuple(taint for taint in own if not taint.startswith(CORDONED)),
        missing_labels=tuple(f"{key}={value}" for key, value in wanted if node.labels.get(key) != value),
    )


def usable_nodes(snapshot: Snapshot) -> Mapping[str, tuple[str, ...]]:
    """Return architecture of the settings → names of the nodes that its pods may run on."""
    settings = snapshot.settings or SettingsProbe()
    free = [node for node in snapshot.nodes if node.is_ready and not any(obstacles(node, settings))]
    return {
        architecture: tuple(node.name for node in free if node.architecture == architecture)
        for architecture in settings.architectures
    }
