"""How a container is doing: whether it crashes, how long it may take to start, what it needs."""

import re
from collections.abc import Iterator
from typing import Final

from lab.snapshots.kubernetes import Container, Pod
from lab.snapshots.snapshot import RECENT_S, Snapshot, not_ready

START_S: Final = 30.0
"""How long a container may take until its probes pass: ten times what the slowest service needs."""
STORE_FAILS: Final = re.compile(
    r"STORE_(?:UNREACHABLE|DENIED|EVICTS|LOADING)|NOT_DURABLE|refuses to log in|redis\S* Error "
)
"""What a service logs that ends because of its store."""


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
