"""Waits until a rollout is well, or can no longer become so, and says every step of it."""

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final, Protocol

from lab.errors import Unavailable
from lab.targets.kubernetes.rollout.rows import PodView, Row, rows, shown
from lab.targets.port import Report, Watch, watch_nothing

LOOK_S: Final = 1.0
STUCK_S: Final = 20.0
"""A pod that says this long that it cannot run is believed; an image is tried again within that time."""
STUCK: Final = frozenset(
    {
        "CrashLoopBackOff",
        "CreateContainerConfigError",
        "CreateContainerError",
        "ErrImageNeverPull",
        "ErrImagePull",
        "ImageInspectError",
        "ImagePullBackOff",
        "InvalidImageName",
        "RunContainerError",
    }
)
"""What a container waits for that does not come by waiting."""
Object = Mapping[str, Any]


class Watched(Protocol):
    """The part of a cluster that is looked at (`lab.targets.kubernetes.client.cluster.Cluster`)."""

    def list(self, api_version: str, kind: str, *, selector: str = "") -> Sequence[Object]:
        """Every object of a kind."""


@dataclass(slots=True)
class Gate:
    """One rollout under observation.

    Attributes:
        cluster: Where it happens.
        selector: Labels of everything that belongs to it.
        report: Told of every Deployment that became ready, once.
        deadline_s: How long it may take altogether.
        watch: Is shown every Deployment at each look.
        clock: Seconds that only grow.
        look_s: From one look to the next.
    """

    cluster: Watched
    selector: str
    report: Report
    deadline_s: float
    watch: Watch = watch_nothing
    clock: Callable[[], float] = time.monotonic
    look_s: float = LOOK_S
    _told: set[str] = field(default_factory=set)
    _stuck_since: dict[str, float] = field(default_factory=dict)

    def look(self) -> tuple[Row, ...]:
        """The state of every Deployment now."""
        return rows(
            self.cluster.list("apps/v1", "Deployment", selector=self.selector),
            self.cluster.list("v1", "Pod", selector=self.selector),
            self.cluster.list("v1", "Event"),
            now=datetime.now(UTC),
        )

    def show(self, seen: Sequence[Row], said: Mapping[str, str]) -> None:
        """Let whoever watches see it; *said* tells pod → machine by the process's own word."""
        self.watch([shown(row, said) for row in seen])

    def wait(self) -> tuple[Row, ...]:
        """Every Deployment, rolled out.

        Raises:
            Unavailable: One cannot be, or is not in time; the message names it and what the cluster says.
        """
        begun, pause = self.clock(), threading.Event()
        while True:
            seen, now = self.look(), self.clock()
            self.show(seen, {})
            self._tell(seen, now - begun)
            if all(row.rolled_out for row in seen):
                return seen
            for row in seen:
                self._give_up_on(row, now)
            if now - begun > self.deadline_s:
                late = next(row for row in seen if not row.rolled_out)
                raise _not_well(late, f"not rolled out within {self.deadline_s:g} s; {_state(late)}")
            pause.wait(self.look_s)

    def _tell(self, seen: Sequence[Row], seconds: float) -> None:
        for row in seen:
            if row.rolled_out and row.deployment not in self._told:
                self._told.add(row.deployment)
                nodes = ", ".join(sorted({pod.node for pod in row.pods if pod.ready}))
                self.report(
                    "rollout", f"{row.deployment:22s} {row.ready}/{row.wanted} on {nodes or 'no node'}", seconds
                )

    def _give_up_on(self, row: Row, now: float) -> None:
        for pod in row.pods:
            if pod.doing.removeprefix("Init:") not in STUCK:
                self._stuck_since.pop(pod.name, None)
            elif now - self._stuck_since.setdefault(pod.name, now) > STUCK_S:
                raise _not_well(row, f"pod {pod.name} on {pod.node or 'no node'}: {pod.doing}", pod)


def _state(row: Row) -> str:
    doing = ", ".join(f"{pod.name} {pod.doing}" for pod in row.pods if not pod.ready) or "it has no pod"
    return f"{row.ready} of {row.wanted} ready: {doing}"


def _not_well(row: Row, why: str, pod: PodView | None = None) -> Unavailable:
    said = row.trouble or (f"restarted {pod.restarts} times" if pod and pod.restarts else "no event tells more")
    return Unavailable(
        f"{row.deployment} is not well: {why}", found=said[:300], next_step="lab diagnose", code="E_ROLLOUT"
    )
