"""Waits until the pods and the namespace of a removed stack are gone."""

import threading
import time
from collections.abc import Callable, Sequence
from typing import Final

from lab.snapshots.kubernetes import STACK_LABEL
from lab.targets.kubernetes.client.reader import Reader
from lab.targets.kubernetes.kinds import NAMESPACE, POD
from lab.targets.port import Report

GONE_S: Final = 300.0
"""As long as a stack may take to come up; far longer than the grace period of its pods."""
POLL_S: Final = 1.0
SHOWN: Final = 3


def await_gone(
    cluster: Reader,
    stack: str,
    report: Report,
    *,
    clock: Callable[[], float] = time.monotonic,
    poll_s: float = POLL_S,
) -> Sequence[str]:
    """Wait until the pods of a stack are gone, and its namespace if that is being removed.

    The next stack then meets neither a worker that still takes events nor a namespace that refuses objects.

    Returns:
        `kind/name` of every object that is not gone in time.
    """
    started, pause = clock(), threading.Event()
    left = still_there(cluster, stack)
    if not left:
        return ()
    report("terminating", some_of(left), 0.0)
    while left:
        if clock() - started > GONE_S:
            return left
        pause.wait(poll_s)
        left = still_there(cluster, stack)
    report("gone", f"after {clock() - started:.0f} s", clock() - started)
    return ()


def still_there(cluster: Reader, stack: str) -> Sequence[str]:
    """Return `kind/name` of the pods of a stack, and of its namespace if that is being removed."""
    namespace = cluster.find(NAMESPACE, cluster.namespace)
    if namespace is None:
        return ()
    pods = [f"Pod/{pod['metadata']['name']}" for pod in cluster.list(POD, selector=f"{STACK_LABEL}={stack}")]
    is_terminating = "deletionTimestamp" in namespace["metadata"]
    return [*pods, *([f"Namespace/{cluster.namespace}"] if is_terminating else [])]


def some_of(names: Sequence[str]) -> str:
    """Return the first names, and how many more there are.

    >>> some_of(["a", "b", "c", "d", "e"])
    'a, b, c and 2 more'
    """
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return ", ".join(names[:SHOWN]) + more
