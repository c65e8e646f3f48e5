"""Tells what every process of a stack is."""

import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Final

from lab.errors import Unavailable
from lab.model import ProcessIdentity, ServiceStatus
from lab.snapshots.kubernetes import Node
from lab.targets.kubernetes.rollout.rows import PodView, Row

POLL_S: Final = 0.5
ANSWERS_S: Final = 30.0
"""For a process to report its identity after its pod is ready; an emulated process on a busy node misses a call."""
Processes = Sequence[tuple[PodView, ServiceStatus]]
"""Every pod of a service that is ready, with what its process reports."""


def answered(
    processes: Callable[[], Processes], *, clock: Callable[[], float] = time.monotonic, pause_s: float = POLL_S
) -> Processes:
    """Return every pod of a service with its process's status; ask a silent process again for a while.

    Raises:
        Unavailable: A process never answers.
    """
    started, pause = clock(), threading.Event()
    while True:
        polled = processes()
        silent = [(pod, status) for pod, status in polled if not status.instance_id]
        if not silent:
            return polled
        if clock() - started > ANSWERS_S:
            pod, status = silent[0]
            more = f"; {len(silent)} of {len(polled)} processes are silent" if len(silent) > 1 else ""
            raise Unavailable(
                f"{pod.name} is ready, but does not report its identity",
                found=f"on {pod.node}, asked for {ANSWERS_S:g} s: {status.detail}{more}",
                next_step="lab diagnose",
                code="E_NO_ANSWER",
            )
        pause.wait(pause_s)


def placed(status: ServiceStatus, pod: PodView) -> ServiceStatus:
    """Return the status of a process under its service's name, with its node, and with its pod in the detail."""
    detail = "; ".join(filter(None, (f"pod {pod.name} on {pod.node}", status.detail)))
    return replace(status, name=pod.service, node=pod.node, detail=detail)


def identities_in(
    rows: Sequence[Row], statuses: Mapping[str, ServiceStatus], nodes: Sequence[Node]
) -> Iterator[ProcessIdentity]:
    """Yield the identity of every process, except those in terminating pods.

    Args:
        rows: Deployments and their pods.
        statuses: Pod → status that its process reports.
        nodes: Nodes of the cluster.
    """
    architectures = {node.name: node.architecture for node in nodes}
    for row in rows:
        for pod in row.pods:
            if not pod.is_terminating:
                yield _identity(row, pod, architectures.get(pod.node, ""), statuses.get(pod.name))


def _identity(row: Row, pod: PodView, node_architecture: str, status: ServiceStatus | None) -> ProcessIdentity:
    return ProcessIdentity(
        name=pod.name,
        service=row.service,
        instance_id=status.instance_id if status else "",
        architecture=row.architecture,
        node=pod.node,
        node_architecture=node_architecture,
        image=pod.image,
        image_id=pod.image_id,
        machine=status.host_architecture if status else "",
    )
