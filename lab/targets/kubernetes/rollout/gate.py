"""Waits for the end of a rollout."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final

from lab.errors import Unavailable
from lab.snapshots.kubernetes import STUCK_REASONS
from lab.snapshots.kubernetes.kinds import DEPLOYMENT, EVENT, POD
from lab.targets.kubernetes.client.port import Lister
from lab.targets.kubernetes.rollout.pods import PodView
from lab.targets.kubernetes.rollout.rows import Row, rollout_row, rows
from lab.targets.port import ROLLOUT, Report, Watch, watch_nothing
from lab.waiting import Polls

DEADLINE_S: Final = 300.0
"""For a whole rollout, which includes pulling the images on every node."""
POLL_S: Final = 1.0
STUCK_S: Final = 20.0
"""A pod that is stuck for this long stays stuck: within that time, the node retries to pull an image."""


@dataclass(slots=True)
class Gate:
    """Waits until one rollout is complete, or cannot complete.

    Attributes:
        cluster: Where the rollout is.
        selector: Labels of everything that belongs to the stack.
        report: Called once for every Deployment that is rolled out.
        deadline_s: Seconds for the whole rollout.
        watch: Called with every Deployment at each poll.
        clock: Monotonic seconds.
        poll_s: Seconds between two polls.
    """

    cluster: Lister
    selector: str
    report: Report
    deadline_s: float = DEADLINE_S
    watch: Watch = watch_nothing
    clock: Callable[[], float] = time.monotonic
    poll_s: float = POLL_S
    _reported: set[str] = field(default_factory=set)
    _stuck_since: dict[str, float] = field(default_factory=dict)

    def poll(self) -> tuple[Row, ...]:
        """Return the state of every Deployment now."""
        return rows(
            self.cluster.list(DEPLOYMENT, selector=self.selector),
            self.cluster.list(POD, selector=self.selector),
            self.cluster.list(EVENT),
            now=datetime.now(UTC),
        )

    def show(self, polled: Sequence[Row], machines: Mapping[str, str]) -> None:
        """Show the Deployments to the watcher; *machines* tells pod → machine as its process reports it."""
        self.watch([rollout_row(row, machines) for row in polled])

    def wait(self) -> tuple[Row, ...]:
        """Return every Deployment once all of them are rolled out.

        Raises:
            Unavailable: A Deployment cannot be rolled out, or not in time. The message names the Deployment, its pod
                and the newest warning of the cluster.
        """
        polls = Polls(within_s=self.deadline_s, every_s=self.poll_s, clock=self.clock)
        while True:
            polled = self.poll()
            self.show(polled, {})
            self._report(polled, polls.passed_s)
            if all(row.rolled_out for row in polled):
                return polled
            for row in polled:
                self._raise_if_stuck(row, self.clock())
            if not polls.another():
                late = next(row for row in polled if not row.rolled_out)
                raise _not_well(late, f"not rolled out within {self.deadline_s:g} s; {_progress(late)}")

    def _report(self, polled: Sequence[Row], elapsed_s: float) -> None:
        for row in polled:
            if row.rolled_out and row.deployment not in self._reported:
                self._reported.add(row.deployment)
                nodes = ", ".join(sorted({pod.node for pod in row.pods if pod.ready}))
                self.report(
                    ROLLOUT, f"{row.deployment:22s} {row.ready}/{row.wanted} on {nodes or 'no node'}", elapsed_s
                )

    def _raise_if_stuck(self, row: Row, now: float) -> None:
        for pod in row.pods:
            if pod.state.removeprefix("Init:") not in STUCK_REASONS:
                self._stuck_since.pop(pod.name, None)
            elif now - self._stuck_since.setdefault(pod.name, now) > STUCK_S:
                raise _not_well(row, f"pod {pod.name} on {pod.node or 'no node'}: {pod.state}", pod)


def _progress(row: Row) -> str:
    states = ", ".join(f"{pod.name} {pod.state}" for pod in row.pods if not pod.ready) or "it has no pod"
    return f"{row.ready} of {row.wanted} ready: {states}"


def _not_well(row: Row, why: str, pod: PodView | None = None) -> Unavailable:
    cause = row.warning or (f"restarted {pod.restarts} times" if pod and pod.restarts else "no event tells more")
    return Unavailable(
        f"{row.deployment} is not well: {why}", found=cause[:300], next_step="lab diagnose", code="E_ROLLOUT"
    )
