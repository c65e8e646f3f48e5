"""Pods that no node takes: pinned volumes, labels, taints, resources."""

import math
import re
import shlex
from collections.abc import Iterator, Mapping
from typing import Final, NamedTuple

from lab.diagnosis import remedies
from lab.diagnosis.finding import Finding, name_of
from lab.snapshots.kubernetes import (
    ARCHITECTURE_LABEL,
    CONDITION_TAINTS,
    Container,
    KubernetesObject,
    Pod,
    Toleration,
)
from lab.snapshots.quantities import quantity, quantity_text
from lab.snapshots.snapshot import Snapshot, by_workload, not_ready

HOSTNAME_LABEL: Final = "kubernetes.io/hostname"
PATIENCE_S: Final = 15.0
"""How long a pod may wait for a node: longer than a node needs that has just joined."""
PINNED: Final = re.compile(r"didn't match PersistentVolume's node affinity|volume node affinity conflict")
SHORT: Final = re.compile(r"Insufficient (?P<resource>[\w./-]+)")
NOTES: Final = re.compile(r"\.? (?:no new claims|preemption:)")
"""Where the scheduler's message goes on about what it did not try."""
CACHE: Final = {"emptyDir": {"sizeLimit": "256Mi"}}


class Misfit(NamedTuple):
    """Why a pod fits no node: in a few words for the title, and as a sentence; and the remedy."""

    title: str
    why: str
    do: str


def volume_pins_pod(snapshot: Snapshot) -> Iterator[Finding]:
    """A volume can be used on one node only, and the pod is meant for others."""
    claims = {
        claim.name: claim.spec.get("volumeName", "") for claim in map(KubernetesObject, snapshot.objects.volume_claims)
    }
    for pod, message in _unplaced(snapshot):
        for index, volume in enumerate(pod.spec.get("volumes") or ()):
            claim = volume.get("persistentVolumeClaim", {}).get("claimName", "")
            if not PINNED.search(message) or not claims.get(claim):
                continue
            pinned_to = _nodes_of(snapshot, claims[claim]) or "another node"
            yield Finding(
                cause="volume-pins-pod",
                object=pod.workload,
                title=f"{name_of(pod.workload)} is pinned by its volume to {pinned_to}",
                found=f"{message}; volume {claims[claim]} of claim {claim} is on {pinned_to}; "
                f"the pod asks for {_wanted_labels(pod)}",
                why="a local volume stays on its node, so that its pod can run nowhere else; "
                "a cache that can be rebuilt needs no volume",
                do=_without_volume(snapshot, pod, index),
                stops=not_ready(snapshot, pod.workload),
                rests_on=not_ready(snapshot, pod.workload),
            )


def no_node_fits(snapshot: Snapshot) -> Iterator[Finding]:
    """Every node lacks something that the pod asks for."""
    for pod, message in _unplaced(snapshot):
        misfit = None if PINNED.search(message) else _misfit(snapshot, pod, message)
        if misfit:
            yield Finding(
                cause="no-node-fits",
                object=pod.workload,
                title=f"{name_of(pod.workload)} fits no node: {misfit.title}",
                found=message,
                why=misfit.why,
                do=misfit.do,
                stops=not_ready(snapshot, pod.workload),
                rests_on=not_ready(snapshot, pod.workload),
            )


def _unplaced(snapshot: Snapshot) -> Iterator[tuple[Pod, str]]:
    """Yield one pod of each workload that the scheduler has not placed for a while, with the scheduler's message."""
    waiting = [pod for pod in snapshot.pods if pod.phase == "Pending" and not pod.node]
    for pods in by_workload(waiting).values():
        scheduled = pods[0].condition("PodScheduled")
        if scheduled.reason == "Unschedulable" and snapshot.age_s(scheduled.since) > PATIENCE_S:
            yield pods[0], NOTES.split(scheduled.message)[0]


def _without_volume(snapshot: Snapshot, pod: Pod, index: int) -> str:
    """Return the command that replaces a volume by a directory that is created anew with every pod."""
    value = {"name": pod.spec["volumes"][index]["name"], **CACHE}
    change = [{"op": "replace", "path": remedies.in_template(pod, f"volumes/{index}"), "value": value}]
    patch = remedies.patch(snapshot.namespace, pod.workload, change, kind="json")
    if pod.workload != pod.ref:
        return patch
    # A pod's volumes are immutable, so the pod is replaced. The API server's copy is used: the snapshot has no secrets.
    return f"{patch} --dry-run=client -o json | kubectl replace --force -f -"


def _misfit(snapshot: Snapshot, pod: Pod, message: str) -> Misfit | None:
    if short := SHORT.search(message):
        return _short_resource(snapshot, pod, short["resource"])
    return _foreign_taint(snapshot, pod) or _missing_label(snapshot, pod)


def _short_resource(snapshot: Snapshot, pod: Pod, resource: str) -> Misfit:
    """Return that the pod requests more than is left on every node that it may run on."""
    nodes = [node for node in snapshot.nodes if pod.selects(node)]
    requested = {
        node.name: sum(_requests(other, resource) for other in snapshot.pods if other.node == node.name)
        for node in nodes
    }
    free = [node.allocatable(resource) - requested[node.name] for node in nodes]
    wanted, most = _requests(pod, resource), max(free, default=0.0)
    title = f"not enough {resource}"
    if not math.isfinite(sum(free, wanted)):
        show = remedies.kubectl(snapshot.namespace, "describe", pod.ref.lower())
        return Misfit(title, f"an amount of {resource}, requested or left, has a unit that the lab does not know", show)
    # Half of what is left: pods of other namespaces, which the snapshot does not show, need some of it.
    enough = quantity_text(max(0.0, min(most, wanted)) / 2 / max(1, len(_together(pod))), resource)
    lower = ("set", "resources", pod.workload.lower(), f"--requests={resource}={enough}")
    left = quantity_text(most, resource)
    why = f"it requests {quantity_text(wanted, resource)}; the pods of this namespace leave {left} on one node"
    return Misfit(title, why, remedies.kubectl(snapshot.namespace, *lower))


def _foreign_taint(snapshot: Snapshot, pod: Pod) -> Misfit | None:
    """Return that a node with the right labels is cordoned or tainted; None where its own condition tainted it."""
    raw = list(pod.spec.get("tolerations") or ())
    tolerations = [Toleration.of_pod(each) for each in raw]
    for node in snapshot.nodes:
        taints = [taint for taint in node.taints if not any(each.tolerates(taint) for each in tolerations)]
        if node.spec.get("unschedulable") and pod.selects(node):
            why = f"node {node.name} was cordoned, as `kubectl drain` does, and takes no new pods"
            return Misfit(f"{node.name} is cordoned", why, shlex.join(["kubectl", "uncordon", node.name]))
        if not pod.selects(node) or not taints:
            continue
        foreign = [taint for taint in taints if not taint["key"].startswith(CONDITION_TAINTS)]
        if len(foreign) < len(taints):
            return None
        added = [{"key": taint["key"], "operator": "Exists", "effect": taint["effect"]} for taint in foreign]
        change = _in_spec(pod, {"tolerations": [*raw, *added]})
        names = ", ".join(f"{taint['key']}={taint.get('value', '')}:{taint['effect']}" for taint in foreign)
        why = f"node {node.name} has the taint {names}; the pod does not tolerate it"
        tolerate = remedies.patch(snapshot.namespace, pod.workload, change, kind="strategic")
        return Misfit(f"{node.name} is tainted", why, tolerate)
    return None


def _missing_label(snapshot: Snapshot, pod: Pod) -> Misfit | None:
    """Return that no node has the labels that the pod asks for."""
    if any(pod.selects(node) for node in snapshot.nodes) or not pod.selector:
        return None
    wants, architecture = _wanted_labels(pod), pod.selector.get(ARCHITECTURE_LABEL, "")
    likely = [node for node in snapshot.nodes if architecture in {"", node.labels.get(ARCHITECTURE_LABEL)}]
    if not likely:
        has = ", ".join(sorted({node.architecture for node in snapshot.nodes}))
        stop = remedies.kubectl(snapshot.namespace, "scale", pod.workload.lower(), "--replicas=0")
        return Misfit(f"no node is {architecture}", f"it asks for {wants}; the nodes of this cluster are {has}", stop)
    missing = [f"{key}={value}" for key, value in pod.selector.items() if likely[0].labels.get(key) != value]
    label = shlex.join(["kubectl", "label", "node", likely[0].name, "--overwrite", *missing])
    why = f"it asks for {wants}; {likely[0].name} has all but {', '.join(missing)}"
    return Misfit("no node has its labels", why, label)


def _nodes_of(snapshot: Snapshot, name: str) -> str:
    """Return the names of the nodes on which a volume can be used; empty where the lab may not list volumes."""
    for volume in map(KubernetesObject, snapshot.objects.volumes):
        if volume.name == name:
            terms = volume.spec.get("nodeAffinity", {}).get("required", {}).get("nodeSelectorTerms") or ()
            rules = (rule for term in terms for rule in term.get("matchExpressions") or ())
            hosts = (rule.get("values") or () for rule in rules if rule.get("key") == HOSTNAME_LABEL)
            return ", ".join(node for values in hosts for node in values)
    return ""


def _wanted_labels(pod: Pod) -> str:
    return ", ".join(f"{key}={value}" for key, value in pod.selector.items())


def _in_spec(pod: Pod, spec: Mapping[str, object]) -> Mapping[str, object]:
    return {"spec": spec} if pod.workload == pod.ref else {"spec": {"template": {"spec": spec}}}


def _requests(pod: Pod, resource: str) -> float:
    """Return what the scheduler counts for a pod; NaN where an amount has an unknown unit.

    That is the sum of the containers that run together, or an init container with the sidecars started before it,
    where those need more.
    """
    amounts = {container.name: quantity(container.amount("requests", resource)) for container in pod.containers}
    sidecars, most = 0.0, 0.0
    for container in pod.init_containers:
        most = max(most, sidecars + amounts[container.name])
        sidecars += amounts[container.name] if container.is_sidecar else 0.0
    is_known = math.isfinite(sum(amounts.values()))
    return max(most, sum(amounts[container.name] for container in _together(pod))) if is_known else math.nan


def _together(pod: Pod) -> tuple[Container, ...]:
    """Return the containers that run at the same time."""
    return (*(container for container in pod.init_containers if container.is_sidecar), *pod.app_containers)
