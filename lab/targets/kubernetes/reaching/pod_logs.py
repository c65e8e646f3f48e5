"""Reads the logs of a pod's containers."""

import json
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

from lab.errors import LabError
from lab.snapshots.kubernetes import Pod
from lab.snapshots.kubernetes.kinds import POD
from lab.targets.kubernetes.client.port import LogFollower
from lab.targets.kubernetes.rollout.pods import PodView

MOST_LINES: Final = 20_000
"""Lines of a log that are kept."""
LAST_LINES: Final = 20


class PodLogs:
    """Reads logs from the API server. Where a service has printed nothing, its init containers' logs are read.

    Args:
        cluster: Where the pods are.
    """

    def __init__(self, cluster: LogFollower) -> None:
        self._cluster = cluster

    def both_runs(self, pod: str, container: str, *, restarted: bool) -> str:
        """Return the log of a container, after the log of its previous run if that can still be read."""
        current, previous = self._cluster.log(pod, container, lines=MOST_LINES), ""
        with suppress(LabError):
            previous = self._cluster.log(pod, container, lines=MOST_LINES, previous=True) if restarted else ""
        return _joined(previous, current)

    def write_all(self, pods: Iterable[PodView], folder: Path) -> Mapping[str, Path]:
        """Write every log that can be read into a folder; return its name → file.

        An init container has a log of its own: `<pod>.<container>`.
        """
        files = {}
        for pod in pods:
            own = [(pod.name, "", pod.restarts)]
            first = [(f"{pod.name}.{item.name}", item.name, item.restarts) for item in pod.init_containers]
            for name, container, restarts in own + first:
                with suppress(LabError):
                    text = self.both_runs(pod.name, container, restarted=restarts > 0)
                    files[name] = folder / f"{name}.log"
                    files[name].write_text(text, encoding="utf-8")
        return files

    def since(self, pod: str, since: str, lines: int) -> str:
        """Return the lines that a pod printed since a time. Each line starts with its time (RFC 3339).

        Args:
            pod: Name of the pod.
            since: RFC 3339; empty for the pod's start.
            lines: Number of last lines at most, of each container.
        """
        if text := self._cluster.log_since(pod, since, lines):
            return text
        return "".join(
            self._cluster.log_since(pod, since, lines, container=name) for name in self._init_containers(pod)
        )

    def last_lines(self, pod: str, lines: int) -> Sequence[str]:
        """Return the last lines of a pod, including lines of the container's previous run.

        Raises:
            Forbidden: The user may not read logs.
        """
        if own := self._last_lines(pod, "", lines):
            return own
        earlier = [line for name in self._init_containers(pod) for line in self._last_lines(pod, name, lines)]
        return earlier[-lines:]

    def ended_instance(self, pod: str) -> str:
        """Return the instance of the process in the service's previous run; empty where the log is gone."""
        with suppress(LabError):
            return instance_in(self._cluster.log(pod, lines=LAST_LINES, previous=True))
        return ""

    def _init_containers(self, pod: str) -> Sequence[str]:
        raw = self._cluster.find(POD, pod)
        return [container.name for container in Pod(raw).init_containers] if raw else ()

    def _last_lines(self, pod: str, container: str, lines: int) -> Sequence[str]:
        current = self._cluster.log(pod, container, lines=lines)
        is_enough = len(current.splitlines()) >= lines
        previous = "" if is_enough else self._cluster.log(pod, container, lines=lines, previous=True)
        return _joined(previous, current).splitlines()[-lines:]


def _joined(previous: str, current: str) -> str:
    """Return the logs of two runs of a container, one after the other.

    For a container that waits for its restart, the cluster returns the last run's log for both runs.

    >>> _joined("crash", "again").splitlines(), _joined("crash", "crash").splitlines()
    (['crash', 'again'], ['crash'])
    """
    if previous == current:
        return current
    return previous + ("\n" if previous and not previous.endswith("\n") else "") + current


def instance_in(log: str) -> str:
    """Return the instance in the last line of a service's log that names an instance; empty without such a line.

    >>> instance_in('{"message": "serving on 0.0.0.0:7000", "instance": "90f1"}')
    '90f1'
    """
    for line in reversed(log.splitlines()):
        with suppress(ValueError, TypeError, KeyError):
            return str(json.loads(line)["instance"])
    return ""
