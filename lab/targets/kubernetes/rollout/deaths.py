"""Tells how the containers of a stack ended. Pure."""

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from typing import Final

from lab.model import NANOS, Death
from lab.snapshots.kubernetes import Pod, Raw

KILLED_FROM: Final = 128
"""A container ended by signal n has this plus n as its exit code."""


def deaths_in(pods: Iterable[Pod], instance_in: Callable[[str], str]) -> Iterator[Death]:
    """Yield the last end of every container that did not end with its pod.

    Args:
        pods: Pods of the stack.
        instance_in: Returns the instance of the process in a pod's previous run.
    """
    for pod in pods:
        for container in pod.app_containers:
            if end := container.status.get("lastState", {}).get("terminated"):
                yield _death(pod.service, instance_in(pod.name), end)


def _death(service: str, instance_id: str, end: Raw) -> Death:
    code, finished = int(end.get("exitCode", 0)), datetime.fromisoformat(end["finishedAt"])
    signal = code - KILLED_FROM if code > KILLED_FROM else 0
    return Death(service, instance_id, round(finished.timestamp() * NANOS), signal, 0 if signal else code)
