"""What is not well and no rule explains: pods that do not start, Deployments short of pods or gone."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from lab.diagnosis import remedies
from lab.diagnosis.finding import Finding
from lab.diagnosis.rules.containers import START_S, STORE, crashes, each_container, start_s
from lab.snapshots.kubernetes import OWN, STACK, Event, Pod, Thing
from lab.snapshots.snapshot import RECENT_S, Snapshot, Wanted, not_ready
from lab.systems.services import SERVICES

CAUSE: Final = "not-ready"
QUIET_S: Final = 180.0
"""How long a pod may take of which nothing is complained: a large image comes slowly over a thin line."""
BROKEN: Final = frozenset(
    {
        "CrashLoopBackOff", "CreateContainerConfigError", "CreateContainerError", "RunContainerError",
        "InvalidImageName", "ErrImagePull", "ImagePullBackOff", "ErrImageNeverPull",
    }
)  # fmt: skip
GONE: Final = re.compile(r"(?i)(?:secret|configmap|serviceaccount)s? .*not found|references non-existent")
"""Something that `lab up` makes beside the Deployments is not there."""
WHY: Final = "none of the causes that the lab knows"


def is_not_well(snapshot: Snapshot) -> Iterator[Finding]:
    """Whatever is not as it should be; a finding of a rule that explains it comes before it, and it is left out."""
    yield from _containers_that_break(snapshot)
    if snapshot.objects.namespace.get("metadata", {}).get("deletionTimestamp"):
        return
    yield from _pods_that_wait(snapshot)
    yield from _deployments_short_of_pods(snapshot)
    yield from _deployments_that_are_gone(snapshot)


def _containers_that_break(snapshot: Snapshot) -> Iterator[Finding]:
    """A container cannot be started, or ends."""
    for pod, container in each_container(snapshot):
        waiting, ended = container.waiting, container.ended
        crashed = crashes(snapshot, container)
        if not _is_replaced(pod) and (waiting.reason in BROKEN or crashed):
            log = [line for line in snapshot.log(pod, container.name) if line.strip()]
            said = [waiting.reason, waiting.message, f"exit {ended.exit_code}" if crashed else "", *log[-1:]]
            yield _finding(
                snapshot,
                pod.workload,
                "; ".join(one for one in said if one),
                look_at=pod.ref,
                title=f"{container.name} of {_name(pod.workload)} does not get ready",
                rests_on=(*_places(snapshot, pod), *(("store",) if STORE.search("\n".join(log)) else ())),
            )


def _pods_that_wait(snapshot: Snapshot) -> Iterator[Finding]:
    """A pod has no place, or its containers do not come up, for longer than that may take."""
    for pod in snapshot.pods:
        waited = _waited_s(snapshot, pod)
        if pod.is_ready or pod.phase in {"", "Failed"} or waited <= _patience_s(snapshot, pod):
            continue
        told = [pod.condition(kind) for kind in ("PodScheduled", "Initialized", "ContainersReady", "Ready")]
        said = [one.message or one.reason for one in told if one.status != "True"]
        waiting = [one.waiting.reason for one in pod.containers]
        evidence = _newest_warning(snapshot, pod.workload, pod.ref)
        evidence = evidence or next((one for one in (*said, *waiting) if one), pod.phase)
        yield _finding(
            snapshot,
            pod.workload,
            f"{evidence} ({pod.name}, for {waited:.0f} s)",
            look_at=pod.ref,
            title=f"{_name(pod.workload)} does not get ready",
            rests_on=(*_places(snapshot, pod), *_store(pod)),
        )


def _deployments_short_of_pods(snapshot: Snapshot) -> Iterator[Finding]:
    """A Deployment may make no pods, or has fewer that are ready than it wants for longer than that may take."""
    for one in map(Thing, snapshot.objects.deployments):
        workload = f"Deployment/{one.name}"
        wanted = int(one.spec.get("replicas", 0))
        ready = int(one.raw.get("status", {}).get("readyReplicas") or 0)
        pods = [pod for pod in snapshot.pods if pod.workload == workload]
        refused = snapshot.newest_sets.get(workload, one).condition("ReplicaFailure")
        is_refused = refused.status == "True" and wanted > 0 and snapshot.age_s(refused.since) > START_S
        if one.raw["metadata"].get("deletionTimestamp") or not (is_refused or ready < wanted):
            continue
        if not is_refused and _is_starting(snapshot, one, pods):
            continue
        evidence = refused.message if is_refused else _newest_warning(snapshot, workload, *(pod.ref for pod in pods))
        yield _finding(
            snapshot,
            workload,
            f"{ready} of {wanted} pods are ready; {evidence or one.condition('Available').message}".rstrip("; "),
            look_at=workload,
            title=f"{one.name} cannot make its pods" if is_refused else f"{one.name} is short of pods",
            rests_on=tuple(part for pod in pods for part in (pod.ref, *_places(snapshot, pod), *_store(pod))),
        )


def _is_starting(snapshot: Snapshot, deployment: Thing, pods: Sequence[Pod]) -> bool:
    """Whether something came forward a moment ago: the Deployment itself, or any of its pods."""
    metadata, available = deployment.raw["metadata"], deployment.condition("Available")
    if deployment.raw.get("status", {}).get("observedGeneration", 0) < metadata.get("generation", 0):
        return True
    steps = [snapshot.age_s(metadata.get("creationTimestamp", "")), *(_waited_s(snapshot, pod) for pod in pods)]
    steps += [snapshot.age_s(available.since)] if available.status == "False" else []
    return min(steps) <= max([QUIET_S, *(_patience_s(snapshot, pod) for pod in pods)])


def _deployments_that_are_gone(snapshot: Snapshot) -> Iterator[Finding]:
    """A Deployment that the lab applies is not there, while other parts of its stack are."""
    parts = list(_parts_of_the_stack(snapshot))
    ages = [snapshot.age_s(one.raw["metadata"].get("creationTimestamp", "")) for one in parts]
    if not parts or not snapshot.wanted or min(ages) <= START_S:
        return
    there = {one.name for one in map(Thing, snapshot.objects.deployments)}
    by_service = {
        service: {one.architecture for one in snapshot.wanted if one.service == service and _names(one) & there}
        for service in (one.service for one in snapshot.wanted)
    }
    if any(by_service.values()):
        missing = [
            (f"Deployment/{one.service}-{one.architecture}", f"there is no Deployment of {one.image}")
            for one in snapshot.wanted
            if not _names(one) & there and _is_expected(one, by_service)
        ]
    else:
        missing = [(f"Namespace/{snapshot.namespace}", "there is no Deployment of any service")]
    for missed, found in missing:
        yield Finding(
            "not-deployed",
            missed,
            f"{_name(missed)} is not deployed",
            found=f"{found}; {len(parts)} other parts of the stack are there",
            why="somebody deleted it, or it was never applied whole",
            do=remedies.up(snapshot.namespace),
            rests_on=("list deployments",),
        )


def _parts_of_the_stack(snapshot: Snapshot) -> Iterator[Thing]:
    """What is there of what the lab applies."""
    objects = snapshot.objects
    for one in map(Thing, (*objects.deployments, *objects.config_maps, *objects.network_policies)):
        if STACK in one.labels:
            yield one
    for one in map(Thing, objects.deployments):
        if STACK not in one.labels and snapshot.is_wanted(f"Deployment/{one.name}"):
            yield one


def _names(wanted: Wanted) -> set[str]:
    return {wanted.service, f"{wanted.service}-{wanted.architecture}"}


def _is_expected(wanted: Wanted, there: Mapping[str, set[str]]) -> bool:
    """Whether a stack of this kind has it: images are locked for more architectures than a stack may run on."""
    used = set[str]().union(*there.values())
    on_several = any(len(architectures) > 1 for architectures in there.values())
    return wanted.architecture in used and (on_several or not there[wanted.service])


def _waited_s(snapshot: Snapshot, pod: Pod) -> float:
    """Seconds since something came forward with a pod: it was made, was placed, a container started or ended."""
    not_yet = [one.since for kind in ("Ready", "ContainersReady") if (one := pod.condition(kind)).status == "False"]
    times = [pod.raw["metadata"].get("creationTimestamp", ""), pod.condition("PodScheduled").since, *not_yet]
    times += [at for one in pod.containers for at in (one.running_since, one.ended.at)]
    return min(snapshot.age_s(one) for one in times)


def _patience_s(snapshot: Snapshot, pod: Pod) -> float:
    """How long a pod may stand where it stands."""
    starting = [start_s(one) for one in pod.own_containers if one.running_since and not one.is_ready]
    waited = _waited_s(snapshot, pod)
    warned = any(snapshot.age_s(one.at) <= waited for one in _warnings(snapshot, pod.ref))
    unplaced = pod.condition("PodScheduled").reason == "Unschedulable"
    return max(starting, default=START_S if warned or unplaced else QUIET_S)


def _warnings(snapshot: Snapshot, *about: str) -> list[Event]:
    """Recent warnings about some objects, newest first."""
    events = [one for one in map(Event, snapshot.objects.events) if one.about in about]
    recent = [one for one in events if snapshot.age_s(one.at) < RECENT_S]
    return sorted(recent, key=lambda one: snapshot.age_s(one.at))


def _newest_warning(snapshot: Snapshot, workload: str, *pods: str) -> str:
    """What was noted last about pods, or about what makes them; empty where nothing was."""
    newest = snapshot.newest_sets.get(workload)
    found = _warnings(snapshot, *pods, workload, *([f"ReplicaSet/{newest.name}"] if newest else []))
    return next((f"{one.reason}: {one.message}" for one in found), "")


def _places(snapshot: Snapshot, pod: Pod) -> tuple[str, ...]:
    """The node a pod is on; of one that has none, those it could be on if they were well."""
    if pod.node:
        return (f"Node/{pod.node}",)
    unwell = [node for node in snapshot.nodes if any(one["key"].startswith(OWN) for one in node.taints)]
    return tuple(
        node.ref for node in unwell if all(node.labels.get(key) == value for key, value in pod.selector.items())
    )


def _store(pod: Pod) -> tuple[str, ...]:
    """Services that have been started wait for their store."""
    started = any(one.running_since or one.ended.at for one in pod.containers)
    return ("store",) if started and pod.service in SERVICES else ()


def _is_replaced(pod: Pod) -> bool:
    """Whether it was evicted and something else made another in its place."""
    return pod.phase == "Failed" and pod.workload != pod.ref


def _finding(
    snapshot: Snapshot, workload: str, found: str, *, look_at: str, title: str, rests_on: tuple[str, ...]
) -> Finding:
    deployment, pods = snapshot.deployment(workload), not_ready(snapshot, workload)
    is_ours = snapshot.is_wanted(workload) or (deployment is not None and STACK in deployment.labels)
    gone = is_ours and GONE.search(found)
    return Finding(
        CAUSE,
        workload,
        title,
        found=found,
        why="something that `lab up` makes, and that its pods need, was deleted" if gone else WHY,
        do=remedies.up(snapshot.namespace)
        if gone
        else remedies.kubectl(snapshot.namespace, "describe", look_at.lower()),
        stops=pods,
        rests_on=(workload, *pods, *rests_on),
    )


def _name(ref: str) -> str:
    return ref.rpartition("/")[2]
