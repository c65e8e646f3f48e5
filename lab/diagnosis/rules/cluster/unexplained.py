"""Pods that do not become ready and Deployments short of pods, for a reason that no rule knows."""

import re
from collections.abc import Iterator, Sequence
from typing import Final

from lab.diagnosis import remedies
from lab.diagnosis.finding import Finding, name_of
from lab.diagnosis.rules.cluster.undeployed import deployments_that_are_gone
from lab.diagnosis.rules.evidence.containers import START_S, STORE_FAILS, crashes, each_container, start_s
from lab.snapshots.kubernetes import CONDITION_TAINTS, STACK_LABEL, STUCK_REASONS, Event, KubernetesObject, Pod
from lab.snapshots.snapshot import Snapshot, not_ready
from lab.systems.services import SERVICES

CAUSE: Final = "not-ready"
QUIET_S: Final = 180.0
"""How long a pod without warnings may take: a large image comes slowly over a slow line."""
MISSING: Final = re.compile(r"(?i)(?:secret|configmap|serviceaccount)s? .*not found|references non-existent")
"""The message about a missing object that `lab up` creates beside the Deployments."""
UNKNOWN: Final = "no cause known to the lab matches"


def is_not_well(snapshot: Snapshot) -> Iterator[Finding]:
    """Something is not as it should be. The finding is left out where an earlier rule explains it."""
    yield from _containers_that_fail(snapshot)
    if snapshot.objects.namespace.get("metadata", {}).get("deletionTimestamp"):
        return
    yield from _pods_that_wait(snapshot)
    yield from _deployments_short_of_pods(snapshot)
    yield from deployments_that_are_gone(snapshot)


def _containers_that_fail(snapshot: Snapshot) -> Iterator[Finding]:
    """A container cannot be started, or ends."""
    for pod, container in each_container(snapshot):
        waiting, crashed = container.waiting, crashes(snapshot, container)
        if not _is_replaced(pod) and (waiting.reason in STUCK_REASONS or crashed):
            log = [line for line in snapshot.log(pod, container.name) if line.strip()]
            exit_code = f"exit {container.ended.exit_code}" if crashed else ""
            evidence = [waiting.reason, waiting.message, exit_code, *log[-1:]]
            store = ("store",) if STORE_FAILS.search("\n".join(log)) else ()
            yield _finding(
                snapshot,
                pod.workload,
                "; ".join(part for part in evidence if part),
                described=pod.ref,
                title=f"{container.name} of {name_of(pod.workload)} does not become ready",
                rests_on=(*_nodes_for(snapshot, pod), *store),
            )


def _pods_that_wait(snapshot: Snapshot) -> Iterator[Finding]:
    """A pod has no node, or its containers do not start, for longer than that may take."""
    for pod in snapshot.pods:
        waited = _waited_s(snapshot, pod)
        if pod.is_ready or pod.phase in {"", "Failed"} or waited <= _patience_s(snapshot, pod):
            continue
        yield _finding(
            snapshot,
            pod.workload,
            f"{_why_it_waits(snapshot, pod)} ({pod.name}, for {waited:.0f} s)",
            described=pod.ref,
            title=f"{name_of(pod.workload)} does not become ready",
            rests_on=(*_nodes_for(snapshot, pod), *_store_for(pod)),
        )


def _deployments_short_of_pods(snapshot: Snapshot) -> Iterator[Finding]:
    """A Deployment may create no pods, or has too few ready pods for longer than that may take."""
    for deployment in map(KubernetesObject, snapshot.objects.deployments):
        workload = f"Deployment/{deployment.name}"
        wanted, ready = int(deployment.spec.get("replicas", 0)), int(deployment.status.get("readyReplicas") or 0)
        pods = [pod for pod in snapshot.pods if pod.workload == workload]
        failure = snapshot.newest_sets.get(workload, deployment).condition("ReplicaFailure")
        is_refused = failure.status == "True" and wanted > 0 and snapshot.age_s(failure.since) > START_S
        if deployment.is_terminating or not (is_refused or ready < wanted):
            continue
        if not is_refused and _is_starting(snapshot, deployment, pods):
            continue
        reason = failure.message if is_refused else _newest_warning(snapshot, workload, *(pod.ref for pod in pods))
        yield _finding(
            snapshot,
            workload,
            f"{ready} of {wanted} pods are ready; {reason or deployment.condition('Available').message}".rstrip("; "),
            described=workload,
            title=f"{deployment.name} cannot create its pods" if is_refused else f"{deployment.name} is short of pods",
            rests_on=tuple(part for pod in pods for part in (pod.ref, *_nodes_for(snapshot, pod), *_store_for(pod))),
        )


def _is_starting(snapshot: Snapshot, deployment: KubernetesObject, pods: Sequence[Pod]) -> bool:
    """Return whether the Deployment or one of its pods made progress a moment ago."""
    available = deployment.condition("Available")
    if deployment.status.get("observedGeneration", 0) < deployment.raw["metadata"].get("generation", 0):
        return True
    steps = [snapshot.age_s(deployment.created_at), *(_waited_s(snapshot, pod) for pod in pods)]
    steps += [snapshot.age_s(available.since)] if available.status == "False" else []
    return min(steps) <= max([QUIET_S, *(_patience_s(snapshot, pod) for pod in pods)])


def _waited_s(snapshot: Snapshot, pod: Pod) -> float:
    """Return seconds since a pod last made progress: it was created or placed, or a container started or ended."""
    conditions = [pod.condition("Ready"), pod.condition("ContainersReady")]
    times = [pod.created_at, pod.condition("PodScheduled").since]
    times += [condition.since for condition in conditions if condition.status == "False"]
    times += [at for container in pod.containers for at in (container.running_since, container.ended.at)]
    return min(snapshot.age_s(time) for time in times)


def _patience_s(snapshot: Snapshot, pod: Pod) -> float:
    """Return how long a pod may make no progress."""
    starting = [start_s(each) for each in pod.app_containers if each.running_since and not each.is_ready]
    waited = _waited_s(snapshot, pod)
    warned = any(snapshot.age_s(event.at) <= waited for event in _warnings(snapshot, pod.ref))
    unplaced = pod.condition("PodScheduled").reason == "Unschedulable"
    return max(starting, default=START_S if warned or unplaced else QUIET_S)


def _why_it_waits(snapshot: Snapshot, pod: Pod) -> str:
    """Return the newest warning about a pod, else its conditions' or its containers' reason, else its phase."""
    conditions = [pod.condition(kind) for kind in ("PodScheduled", "Initialized", "ContainersReady", "Ready")]
    reasons = [
        _newest_warning(snapshot, pod.workload, pod.ref),
        *(condition.message or condition.reason for condition in conditions if condition.status != "True"),
        *(container.waiting.reason for container in pod.containers),
    ]
    return next((reason for reason in reasons if reason), pod.phase)


def _warnings(snapshot: Snapshot, *about: str) -> list[Event]:
    """Return the recent warnings about some objects, newest first."""
    return [event for event in snapshot.recent_events(*about) if event.is_warning]


def _newest_warning(snapshot: Snapshot, workload: str, *pods: str) -> str:
    """Return the newest warning about pods, their workload or its ReplicaSet; empty where there is none."""
    newest = snapshot.newest_sets.get(workload)
    events = _warnings(snapshot, *pods, workload, *([f"ReplicaSet/{newest.name}"] if newest else []))
    return next((f"{event.reason}: {event.message}" for event in events), "")


def _nodes_for(snapshot: Snapshot, pod: Pod) -> tuple[str, ...]:
    """Return the node of a pod; for a pod without a node, the unhealthy nodes that it may run on."""
    if pod.node:
        return (f"Node/{pod.node}",)
    unwell = [
        node for node in snapshot.nodes if any(taint["key"].startswith(CONDITION_TAINTS) for taint in node.taints)
    ]
    return tuple(node.ref for node in unwell if pod.selects(node))


def _store_for(pod: Pod) -> tuple[str, ...]:
    """Return the store for a pod that has been started: services wait for their store."""
    started = any(container.running_since or container.ended.at for container in pod.containers)
    return ("store",) if started and pod.service in SERVICES else ()


def _is_replaced(pod: Pod) -> bool:
    """Return whether a pod was evicted and its workload created another."""
    return pod.phase == "Failed" and pod.workload != pod.ref


def _finding(
    snapshot: Snapshot, workload: str, evidence: str, *, described: str, title: str, rests_on: tuple[str, ...]
) -> Finding:
    deployment, pods = snapshot.deployment(workload), not_ready(snapshot, workload)
    is_ours = snapshot.is_wanted(workload) or (deployment is not None and STACK_LABEL in deployment.labels)
    missing = is_ours and MISSING.search(evidence)
    return Finding(
        cause=CAUSE,
        object=workload,
        title=title,
        found=evidence,
        why="an object that `lab up` creates and its pods need was deleted" if missing else UNKNOWN,
        do=remedies.up(snapshot.namespace)
        if missing
        else remedies.kubectl(snapshot.namespace, "describe", described.lower()),
        stops=pods,
        rests_on=(workload, *pods, *rests_on),
    )
