"""An architecture without a node that its pods may run on, before there are any pods."""

import shlex
from collections.abc import Iterator, Mapping, Sequence

from lab.diagnosis.finding import Finding
from lab.diagnosis.obstacles import obstacles, usable_nodes
from lab.snapshots.choices import SettingsProbe
from lab.snapshots.kubernetes import Node
from lab.snapshots.snapshot import Snapshot


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
            cause="no-node-for-architecture",
            object=f"Architecture/{missing[0]}",
            title=f"no node takes pods for {', '.join(missing)}",
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
