"""Waits until a removed stack is gone."""

import time
from collections.abc import Callable, Sequence
from typing import Final

from lab.snapshots.kubernetes import STACK_LABEL
from lab.snapshots.kubernetes.kinds import NAMESPACE, POD
from lab.targets.kubernetes.client.port import Reader
from lab.targets.port import Report
from lab.waiting import Polls

GONE_S: Final = 300.0
"""As long as a stack may take to come up; far longer than the grace period of its pods."""
POLL_S: Final = 1.0
MOST_NAMES: Final = 3
"""In a text; more names are counted."""


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
    polls = Polls(within_s=GONE_S, every_s=poll_s, clock=clock)
    left = still_there(cluster, stack)
    if not left:
        return ()
    report("terminating", abbreviated(left), 0.0)
    while left:
        if not polls.another():
            return left
        left = still_there(cluster, stack)
    waited_s = polls.passed_s
    report("gone", f"after {waited_s:.0f} s", waited_s)
    return ()


def still_there(cluster: Reader, stack: str) -> Sequence[str]:
    """Return `kind/name` of the pods of a stack, and of its namespace if that is being removed."""
    namespace = cluster.find(NAMESPACE, cluster.namespace)
    if namespace is None:
        return ()
    pods = [f"Pod/{pod['metadata']['name']}" for pod in cluster.list(POD, selector=f"{STACK_LABEL}={stack}")]
    is_terminating = "deletionTimestamp" in namespace["metadata"]
    return [*pods, *([f"Namespace/{cluster.namespace}"] if is_terminating else [])]


def abbreviated(names: Sequence[str]) -> str:
    """Return the first names, and how many more there are.

    >>> abbreviated(["a", "b", "c", "d", "e"])
    'a, b, c and 2 more'
    """
    more = f" and {len(names) - MOST_NAMES} more" if len(names) > MOST_NAMES else ""
    return ", ".join(names[:MOST_NAMES]) + more
