"""The newest lines that pods logged."""

import re
from collections.abc import Iterator
from typing import Final

from lab.snapshots.kubernetes import Pod
from lab.snapshots.snapshot import Snapshot

NEWEST: Final = 5
"""Lines at the end of a container's log. Earlier lines tell of what has passed."""


def newest_lines(snapshot: Snapshot, pod: Pod) -> Iterator[str]:
    """Yield the last lines of each container.

    The log of the previous container counts only where the current one has logged nothing and is not ready.
    """
    for container in pod.containers:
        logs = [log for log in snapshot.logs if (log.pod, log.container) == (pod.name, container.name)]
        current = [log for log in logs if not log.previous]
        for log in current or ([] if container.is_ready else logs):
            yield from log.lines[-NEWEST:]


def newest_matches(snapshot: Snapshot, pattern: re.Pattern[str]) -> Iterator[tuple[Pod, re.Match[str]]]:
    """Yield every pod whose newest lines match a pattern, with the last match."""
    for pod in snapshot.pods:
        matches = [match for line in newest_lines(snapshot, pod) if (match := pattern.search(line))]
        if matches:
            yield pod, matches[-1]
