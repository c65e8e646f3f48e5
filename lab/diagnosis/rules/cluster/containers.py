"""Containers that end: what rules read of one, and the memory limit."""

import re
from collections.abc import Iterator
from typing import Final

from lab.diagnosis import remedies
from lab.diagnosis.finding import Finding
from lab.snapshots.kubernetes import Container, Pod
from lab.snapshots.quantities import quantity, quantity_text
from lab.snapshots.snapshot import RECENT_S, Snapshot, not_ready

START_S: Final = 30.0
"""How long a container may take until its probes pass: ten times what the slowest service needs."""
STORE_FAILS: Final = re.compile(
    r"STORE_(?:UNREACHABLE|DENIED|EVICTS|LOADING)|NOT_DURABLE|refuses to log in|redis\S* Error "
)
"""What a service logs that ends because of its store."""


def runs_out_of_memory(snapshot: Snapshot) -> Iterator[Finding]:
    """The kernel killed a container that reached its memory limit."""
    for pod, container in each_container(snapshot):
        ended = container.ended
        if ended.reason != "OOMKilled" or (container.is_ready and snapshot.age_s(ended.at) > RECENT_S):
            continue
        limit = container.amount("limits", "memory")
        more = quantity_text(2 * quantity(limit), "memory") if limit else "512Mi"
        raise_limit = ["set", "resources", pod.workload.lower(), "-c", container.name]
        raise_limit += [f"--limits=memory={more}", f"--requests=memory={more}"]
        yield Finding(
            "oom-kill",
            pod.workload,
            f"{container.name} needs more memory than its limit",
            found=f"container {container.name} of {pod.name} was killed, exit {ended.exit_code} (OOMKilled), "
            f"{container.restarts} restarts; its limit is {limit or 'that of the node'}",
            why="the kernel kills a process whose container reaches its memory limit",
            do=remedies.kubectl(snapshot.namespace, *(raise_limit if more else ("describe", pod.ref.lower()))),
            stops=not_ready(snapshot, pod.workload),
            rests_on=needed_by(snapshot, pod),
        )


def each_container(snapshot: Snapshot) -> Iterator[tuple[Pod, Container]]:
    """Yield every container of every pod."""
    return ((pod, container) for pod in snapshot.pods for container in pod.containers)


def crashes(snapshot: Snapshot, container: Container) -> bool:
    """Return whether a container ended by a fault and has not recovered."""
    ended = container.ended
    recent = snapshot.age_s(ended.at) < RECENT_S
    return container.waiting.reason == "CrashLoopBackOff" or bool(ended.exit_code and recent and not container.is_ready)


def start_s(container: Container) -> float:
    """Return how long a container may take until its probes pass: at least what its startup probe allows."""
    probe = container.spec.get("startupProbe") or {}
    allowed = probe.get("initialDelaySeconds", 0) + probe.get("periodSeconds", 10) * probe.get("failureThreshold", 3)
    return max(START_S, float(allowed) if probe else 0.0)


def needed_by(snapshot: Snapshot, pod: Pod, complaint: str = "") -> tuple[str, ...]:
    """Return what a finding about a container rests on: the pods of its workload that are not ready, and its node.

    The store is added where the *complaint* of the container is about the store.
    """
    node = (f"Node/{pod.node}",) if pod.node else ()
    store = ("store",) if STORE_FAILS.search(complaint) else ()
    return (*not_ready(snapshot, pod.workload), *node, *store)
