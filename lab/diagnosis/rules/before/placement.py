"""Nodes that the pods of a stack may run on, before there are any pods."""

import shlex
from collections.abc import Iterator, Mapping, Sequence
from typing import Final, NamedTuple

from lab.diagnosis.finding import Finding
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


def no_node_for_architecture(snapshot: Snapshot) -> Iterator[Finding]:
    """An architecture that the settings ask for has no node that its pods may run on."""
    cluster = snapshot.cluster
    if cluster is None or cluster.error or cluster.nodes_error or cluster.namespace_is_reserved:
        return
    usable = usable_nodes(snapshot)
    missing = [architecture for architecture, names in usable.items() if not names]
    if missing and snapshot.settings is not None:
        barred = [node for node in snapshot.nodes if node.architecture == missing[0]]
        reasons = [f"{node.name}: {', '.join(words)}" for node in barred if (words := _words(node, snapshot.settings))]
        yield Finding(
            "no-node-for-architecture",
            f"Architecture/{missing[0]}",
            f"no node takes pods for {', '.join(missing)}",
            found="; ".join([f"no node for {', '.join(missing)} pods", *reasons]),
            why="every service runs on each architecture that LAB_ARCHITECTURES names",
            do=_remedy(barred, usable, snapshot.settings),
            rests_on=("list nodes",),
        )


def _remedy(barred: Sequence[Node], usable: Mapping[str, tuple[str, ...]], settings: SettingsProbe) -> str:
    barriers = {node.name: obstacles(node, settings) for node in barred}
    ready = {node.name for node in barred if node.is_ready}
    cordoned = [name for name, of in barriers.items() if of.is_cordoned and name in ready and not of.missing_labels]
    if cordoned:
        return shlex.join(["kubectl", "uncordon", cordoned[0]])
    if taints := [taint for of in barriers.values() for taint in of.taints]:
        return f"export LAB_TOLERATIONS={shlex.quote(','.join(filter(None, (settings.tolerations_text, *taints))))}"
    if lacking := [name for name, of in barriers.items() if of.missing_labels]:
        labels = [f"{key}={value}" for key, value in settings.node_selector.items()]
        return shlex.join(["kubectl", "label", "node", lacking[0], "--overwrite", *labels])
    if any(usable.values()):
        return f"export LAB_ARCHITECTURES={','.join(name for name, nodes in usable.items() if nodes)}"
    return "kubectl get nodes -L kubernetes.io/arch"


def _words(node: Node, settings: SettingsProbe) -> tuple[str, ...]:
    """Return what keeps pods away from a node, in words."""
    of = obstacles(node, settings)
    return (
        *(() if node.is_ready else ("not Ready",)),
        *(("cordoned",) if of.is_cordoned else ()),
        *(f"taint {taint}" for taint in (*of.taints, *of.condition_taints)),
        *(f"lacks the label {label}" for label in of.missing_labels),
    )
