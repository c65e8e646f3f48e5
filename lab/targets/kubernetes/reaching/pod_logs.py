"""What the containers of a pod printed, those before them included."""

import json
from collections.abc import Sequence
from contextlib import suppress
from typing import Final

from lab.errors import LabError
from lab.targets.kubernetes.client.cluster import Cluster
from lab.targets.kubernetes.rollout.rows import First, pod_view

WHOLE: Final = 20_000
"""Lines of a log that are kept."""
LAST_LINES: Final = 20


class PodLogs:
    """Logs as the API server gives them; until a service prints something, what has to run before it speaks for it.

    Args:
        cluster: Where the pods are.
    """

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster

    def whole(self, pod: str, container: str, *, restarted: bool) -> str:
        """What a container printed, after what the one before it did, if that can still be read."""
        now, before = self._cluster.log(pod, container, lines=WHOLE), ""
        with suppress(LabError):
            before = self._cluster.log(pod, container, lines=WHOLE, previous=True) if restarted else ""
        return _joined(before, now)

    def since(self, pod: str, since: str, lines: int) -> str:
        """As `Cluster.log_since`."""
        if said := self._cluster.log_since(pod, since, lines):
            return said
        return "".join(self._cluster.log_since(pod, since, lines, container=one.name) for one in self._first_in(pod))

    def last_lines(self, pod: str, lines: int) -> Sequence[str]:
        """The last lines, those of the container before included; Forbidden where logs may not be read."""
        if said := self._last_lines(pod, "", lines):
            return said
        return [line for one in self._first_in(pod) for line in self._last_lines(pod, one.name, lines)][-lines:]

    def ended_instance(self, pod: str) -> str:
        """Instance of the process that ran in a pod's container before; empty where its log is gone."""
        with suppress(LabError):
            return instance_in(self._cluster.log(pod, lines=LAST_LINES, previous=True))
        return ""

    def _first_in(self, pod: str) -> Sequence[First]:
        found = self._cluster.find("v1", "Pod", pod)
        return pod_view(found).first if found else ()

    def _last_lines(self, pod: str, container: str, lines: int) -> Sequence[str]:
        now = self._cluster.log(pod, container, lines=lines)
        enough = len(now.splitlines()) >= lines
        before = "" if enough else self._cluster.log(pod, container, lines=lines, previous=True)
        return _joined(before, now).splitlines()[-lines:]


def _joined(before: str, now: str) -> str:
    """The logs of two containers, one after the other; of one that waits to be started again, both are the last one's.

    >>> _joined("crash", "again").splitlines(), _joined("crash", "crash").splitlines()
    (['crash', 'again'], ['crash'])
    """
    if before == now:
        return now
    return before + ("\n" if before and not before.endswith("\n") else "") + now


def instance_in(log: str) -> str:
    """The instance that the last line of a service's log names; empty where none does.

    >>> instance_in('{"message": "serving on 0.0.0.0:7000", "instance": "90f1"}')
    '90f1'
    """
    for line in reversed(log.splitlines()):
        with suppress(ValueError, TypeError, KeyError):
            return str(json.loads(line)["instance"])
    return ""
