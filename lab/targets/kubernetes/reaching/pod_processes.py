"""Asks the processes in the pods of a stack."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from lab.errors import Unavailable
from lab.model import NodeClock, ServiceStatus
from lab.rpc.service_status import statuses_of
from lab.systems.services import SERVICES
from lab.targets.kubernetes.clocks import clocks_of
from lab.targets.kubernetes.reaching.reach import Reach
from lab.targets.kubernetes.rollout.pods import PodView
from lab.targets.kubernetes.rollout.rows import Row
from lab.waiting import Polls

if TYPE_CHECKING:
    from lab.rpc.channels import Connect

POLL_S: Final = 0.5
ANSWERS_S: Final = 30.0
"""For a process to report its identity after its pod is ready; an emulated process on a busy node misses a call."""
Answers = Sequence[tuple[PodView, ServiceStatus]]
"""Every pod of a service that is ready, with what its process reports."""


@dataclass(frozen=True, slots=True)
class PodProcesses:
    """Asks the process in every pod that is ready.

    Attributes:
        reach: Gives pods their addresses.
        connect: Opens a channel to an address.
    """

    reach: Reach
    connect: "Connect"

    def answers(self, rows: Sequence[Row]) -> Answers:
        """Return every pod of a service that is ready, with what its process reports now.

        A process that does not answer has a status without an instance, which says why.
        """
        reached = self._reached(rows)
        statuses = statuses_of({pod.name: address for pod, address in reached}, self.connect)
        return [(pod, status) for (pod, _), status in zip(reached, statuses, strict=True)]

    def clocks(self, rows: Sequence[Row]) -> Sequence[NodeClock]:
        """Return the clock of every node that a service runs on. A node that does not answer is left out."""
        # One pod per node answers for its clock.
        return clocks_of({pod.node: address for pod, address in self._reached(rows)}, self.connect)

    def _reached(self, rows: Sequence[Row]) -> Sequence[tuple[PodView, str]]:
        """Return every pod of a service that is ready, with its address; empty where the pod cannot be reached."""
        pods = [pod for row in rows if row.service in SERVICES for pod in row.pods if pod.ready]
        return list(zip(pods, self.reach.pods([pod.name for pod in pods]), strict=True))


def await_answers(
    ask: Callable[[], Answers], *, clock: Callable[[], float] = time.monotonic, pause_s: float = POLL_S
) -> Answers:
    """Return the answers once every process reports its identity; a silent process is asked again for `ANSWERS_S`.

    Args:
        ask: Asks every process once.
        clock: Monotonic seconds.
        pause_s: Between two rounds.

    Raises:
        Unavailable: A process never answers.
    """
    polls = Polls(within_s=ANSWERS_S, every_s=pause_s, clock=clock)
    while True:
        answers = ask()
        silent = [(pod, status) for pod, status in answers if not status.instance_id]
        if not silent:
            return answers
        if not polls.another():
            pod, status = silent[0]
            more = f"; {len(silent)} of {len(answers)} processes are silent" if len(silent) > 1 else ""
            raise Unavailable(
                f"{pod.name} is ready, but does not report its identity",
                found=f"on {pod.node}, asked for {ANSWERS_S:g} s: {status.detail}{more}",
                next_step="lab diagnose",
                code="E_NO_ANSWER",
            )


def status_in_pod(status: ServiceStatus, pod: PodView) -> ServiceStatus:
    """Return the status of a process under its service's name, with its node, and with its pod in the detail."""
    detail = "; ".join(filter(None, (f"pod {pod.name} on {pod.node}", status.detail)))
    return replace(status, name=pod.service, node=pod.node, detail=detail)
