"""Pods that no node takes: pinned volumes, selectors, taints, resources."""

import math
import re
import shlex
from collections.abc import Iterator, Mapping
from typing import Final

from lab.diagnosis import remedies
from lab.diagnosis.finding import Finding
from lab.snapshots.kubernetes import ARCH, OWN, Container, Node, Pod, Raw, Thing
from lab.snapshots.quantities import quantity, quantity_text
from lab.snapshots.snapshot import Snapshot, by_workload, not_ready

PATIENCE_S: Final = 15.0
"""How long a pod may wait for a node: longer than a node needs that has just come."""
PINNED: Final = re.compile(r"didn't match PersistentVolume's node affinity|volume node affinity conflict")
SHORT: Final = re.compile(r"Insufficient ([\w./-]+)")
CACHE: Final = {"emptyDir": {"sizeLimit": "256Mi"}}


def volume_pins_pod(snapshot: Snapshot) -> Iterator[Finding]:
    """A volume can only be used on one node, and the pod is meant for others."""
    claims = {one.name: one.spec.get("volumeName", "") for one in map(Thing, snapshot.objects.volume_claims)}
    for pod, said in _unplaced(snapshot):
        for at, volume in enumerate(pod.spec.get("volumes") or ()):
            claim = volume.get("persistentVolumeClaim", {}).get("claimName", "")
            if not PINNED.search(said) or not claims.get(claim):
                continue
            pinned_to = _nodes_of(snapshot, claims[claim]) or "another node"
            wants = ", ".join(f"{key}={value}" for key, value in pod.selector.items())
            path = remedies.in_template(pod, f"volumes/{at}")
            change = [{"op": "replace", "path": path, "value": {"name": volume["name"], **CACHE}}]
            do = remedies.patch(snapshot.namespace, pod.workload, change, kind="json")
            if pod.workload == pod.ref:
                # A pod's volumes cannot be changed: it is made again of what the API server has, not of this look.
                do = f"{do} --dry-run=client -o json | kubectl replace --force -f -"
            yield _finding(
                snapshot,
                pod,
                cause="volume-pins-pod",
                title=f"{pod.workload.rpartition('/')[2]} is pinned by its volume to {pinned_to}",
                found=f"{said}; volume {claims[claim]} of claim {claim} is on {pinned_to}; the pod asks for {wants}",
                why="a local volume stays on the node that made it, and its pod can run nowhere else; "
                "a cache that can be rebuilt needs none",
                do=do,
            )


def no_node_fits(snapshot: Snapshot) -> Iterator[Finding]:
    """Every node lacks something that the pod asks for."""
    for pod, said in _unplaced(snapshot):
        if not PINNED.search(said):
            short = SHORT.search(said)
            told = _resources(snapshot, pod, short[1]) if short else _taint(snapshot, pod) or _selector(snapshot, pod)
            if told:
                title, why, do = told
                name = pod.workload.rpartition("/")[2]
                yield _finding(
                    snapshot,
                    pod,
                    cause="no-node-fits",
                    title=f"{name} fits no node: {title}",
                    found=said,
                    why=why,
                    do=do,
                )


def _resources(snapshot: Snapshot, pod: Pod, resource: str) -> tuple[str, str, str] | None:
    """The pod asks for more than is free on the nodes that it may run on."""
    nodes = [node for node in snapshot.nodes if _selects(pod, node)]
    used = {
        node.name: sum(_requests(one, resource) for one in snapshot.pods if one.node == node.name) for node in nodes
    }
    free = [node.free(resource) - used[node.name] for node in nodes]
    wanted, most = _requests(pod, resource), max(free, default=0.0)
    if not math.isfinite(sum(free, wanted)):
        look = remedies.kubectl(snapshot.namespace, "describe", pod.ref.lower())
        return f"not enough {resource}", f"how much {resource} is asked for or left is in no unit that is known", look
    # Half of what is left: pods of other namespaces, which are not seen here, need some of it.
    enough = quantity_text(max(0.0, min(most, wanted)) / 2 / max(1, len(_together(pod))), resource)
    do = remedies.kubectl(
        snapshot.namespace, "set", "resources", pod.workload.lower(), f"--requests={resource}={enough}"
    )
    left = quantity_text(most, resource)
    why = f"it requests {quantity_text(wanted, resource)}; the pods of this namespace leave {left} on one node"
    return f"not enough {resource}", why, do


def _taint(snapshot: Snapshot, pod: Pod) -> tuple[str, str, str] | None:
    """Nodes that would fit keep pods away."""
    tolerations = list(pod.spec.get("tolerations") or ())
    for node in snapshot.nodes:
        taints = [one for one in node.taints if not any(_tolerates(each, one) for each in tolerations)]
        if node.spec.get("unschedulable") and _selects(pod, node):
            why = f"node {node.name} was cordoned, as `kubectl drain` does, and takes no new pods"
            return f"{node.name} is cordoned", why, shlex.join(["kubectl", "uncordon", node.name])
        if not _selects(pod, node) or not taints:
            continue
        foreign = [one for one in taints if not one["key"].startswith(OWN)]
        if len(foreign) < len(taints):
            return None
        added = [{"key": one["key"], "operator": "Exists", "effect": one["effect"]} for one in foreign]
        change = _template(pod, {"tolerations": [*tolerations, *added]})
        names = ", ".join(f"{one['key']}={one.get('value', '')}:{one['effect']}" for one in foreign)
        do = remedies.patch(snapshot.namespace, pod.workload, change, kind="strategic")
        return f"{node.name} is tainted", f"node {node.name} has the taint {names}; the pod does not tolerate it", do
    return None


def _selector(snapshot: Snapshot, pod: Pod) -> tuple[str, str, str] | None:
    """No node has the labels that the pod asks for."""
    wants = ", ".join(f"{key}={value}" for key, value in pod.selector.items())
    if any(_selects(pod, node) for node in snapshot.nodes) or not wants:
        return None
    likely = [node for node in snapshot.nodes if node.labels.get(ARCH) == pod.selector.get(ARCH, node.labels.get(ARCH))]
    if not likely:
        has = ", ".join(sorted({node.architecture for node in snapshot.nodes}))
        do = remedies.kubectl(snapshot.namespace, "scale", pod.workload.lower(), "--replicas=0")
        return f"no node is {pod.selector[ARCH]}", f"it asks for {wants}; the nodes of this cluster are {has}", do
    missing = [f"{key}={value}" for key, value in pod.selector.items() if likely[0].labels.get(key) != value]
    do = shlex.join(["kubectl", "label", "node", likely[0].name, "--overwrite", *missing])
    return "no node has its labels", f"it asks for {wants}; {likely[0].name} has all but {', '.join(missing)}", do


def _unplaced(snapshot: Snapshot) -> Iterator[tuple[Pod, str]]:
    """One pod of each workload that the scheduler has placed nowhere for a while, and what it says."""
    waiting = [pod for pod in snapshot.pods if pod.phase == "Pending" and not pod.node]
    for pods in by_workload(waiting).values():
        said = pods[0].condition("PodScheduled")
        if said.reason == "Unschedulable" and snapshot.age_s(said.since) > PATIENCE_S:
            yield pods[0], re.split(r"\.? (?:no new claims|preemption:)", said.message)[0]


def _finding(snapshot: Snapshot, pod: Pod, **words: str) -> Finding:
    pods = not_ready(snapshot, pod.workload)
    return Finding(object=pod.workload, **words, stops=pods, rests_on=pods)


def _nodes_of(snapshot: Snapshot, volume: str) -> str:
    """Names of the nodes a volume can be used on; empty where the lab may not see volumes."""
    for one in map(Thing, snapshot.objects.volumes):
        terms = one.spec.get("nodeAffinity", {}).get("required", {}).get("nodeSelectorTerms", ())
        if one.name == volume:
            return ", ".join(name for term in terms for rule in term["matchExpressions"] for name in rule["values"])
    return ""


def _template(pod: Pod, spec: Mapping[str, object]) -> Mapping[str, object]:
    return {"spec": spec} if pod.workload == pod.ref else {"spec": {"template": {"spec": spec}}}


def _requests(pod: Pod, resource: str) -> float:
    """What the scheduler reckons with: containers that run together, or one that runs before them and needs more."""
    amounts = {one.name: quantity(one.amount("requests", resource)) for one in pod.containers}
    beside, most = 0.0, 0.0
    for one in pod.first_containers:
        most = max(most, beside + amounts[one.name])
        beside += amounts[one.name] if one.stays else 0.0
    is_known = math.isfinite(sum(amounts.values()))
    return max(most, sum(amounts[one.name] for one in _together(pod))) if is_known else math.nan


def _together(pod: Pod) -> tuple[Container, ...]:
    """Containers that run at the same time."""
    return (*(one for one in pod.first_containers if one.stays), *pod.own_containers)


def _selects(pod: Pod, node: Node) -> bool:
    return all(node.labels.get(key) == value for key, value in pod.selector.items())


def _tolerates(toleration: Raw, taint: Raw) -> bool:
    return (
        toleration.get("key", taint["key"]) == taint["key"]
        and toleration.get("effect", taint.get("effect")) == taint.get("effect")
        and (toleration.get("operator") == "Exists" or toleration.get("value", "") == taint.get("value", ""))
    )
