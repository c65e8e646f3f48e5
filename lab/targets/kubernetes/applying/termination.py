"""Waits until what was removed has gone: a pod ends in its own time, and a namespace after everything in it."""

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, Protocol

from lab.targets.kubernetes.objects import STACK_LABEL
from lab.targets.kubernetes.rollout.gate import LOOK_S, Watched
from lab.targets.port import Report

GONE_S: Final = 300.0
"""As long as a stack may take to come up; the grace of its pods is far below."""
SHOWN: Final = 3


class Left(Watched, Protocol):
    """The part of a cluster that tells what is still there (`lab.targets.kubernetes.client.cluster.Cluster`)."""

    @property
    def namespace(self) -> str:
        """The one that everything of ours is in."""

    def find(self, api_version: str, kind: str, name: str) -> Mapping[str, Any] | None:
        """One object, or None."""


def await_gone(
    cluster: Left,
    stack: str,
    report: Report,
    *,
    clock: Callable[[], float] = time.monotonic,
    look_s: float = LOOK_S,
) -> Sequence[str]:
    """Wait for the pods of a stack and for a namespace that is on its way out; `kind/name` of what did not go in time.

    Whoever comes next finds neither a worker that still takes its events nor a namespace that refuses its objects.
    """
    begun, pause = clock(), threading.Event()
    left = still_there(cluster, stack)
    if not left:
        return ()
    report("leaving", some_of(left), 0.0)
    while left:
        if clock() - begun > GONE_S:
            return left
        pause.wait(look_s)
        left = still_there(cluster, stack)
    report("gone", f"after {clock() - begun:.0f} s", clock() - begun)
    return ()


def still_there(cluster: Left, stack: str) -> Sequence[str]:
    """Pods of a stack, and the namespace where it is being removed."""
    namespace = cluster.find("v1", "Namespace", cluster.namespace)
    if namespace is None:
        return ()
    pods = [f"Pod/{one['metadata']['name']}" for one in cluster.list("v1", "Pod", selector=f"{STACK_LABEL}={stack}")]
    leaves = "deletionTimestamp" in namespace["metadata"]
    return [*pods, *([f"Namespace/{cluster.namespace}"] if leaves else [])]


def some_of(found: Sequence[str]) -> str:
    """The first of them, and how many more there are.

    >>> some_of(["a", "b", "c", "d", "e"])
    'a, b, c and 2 more'
    """
    more = f" and {len(found) - SHOWN} more" if len(found) > SHOWN else ""
    return ", ".join(found[:SHOWN]) + more
