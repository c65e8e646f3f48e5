"""The wait for a rollout: each Deployment is reported once, and the wait ends early when waiting cannot help."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pytest

from lab.errors import Unavailable
from lab.model import RolloutRow
from lab.snapshots.kubernetes.kinds import DEPLOYMENT, EVENT, Kind
from lab.targets.kubernetes.rollout.gate import Gate
from lab.targets.port import watch_nothing
from tests.unit.targets.kubernetes.samples import deployment, pod, warning

Object = Mapping[str, Any]
Rows = Sequence[RolloutRow]


class Scripted:
    """A cluster with the next state at every poll, the last for ever. Every poll takes ten seconds.

    Args:
        states: A Deployment, a pod and events each.
    """

    def __init__(self, *states: tuple[Object, Object, Sequence[Object]]) -> None:
        self._states, self.now = list(states), 0.0

    def list(self, kind: Kind, *, selector: str = "") -> Sequence[Object]:
        """See `lab.targets.kubernetes.client.port.Lister`."""
        deployments, pods, events = self._states[0]
        if kind == EVENT:
            self.now += 10.0
            if len(self._states) > 1:
                self._states.pop(0)
            return events
        return [deployments] if kind == DEPLOYMENT else [pods]


def gate(
    cluster: Scripted, reported: list[str], *, deadline_s: float = 300, watch: Callable[[Rows], None] = watch_nothing
) -> Gate:
    """Return a gate with that cluster's clock."""

    def report(stage: str, message: str, _seconds: float) -> None:
        reported.append(f"{stage} {message}")

    return Gate(cluster, "", report, deadline_s, watch, clock=lambda: cluster.now, poll_s=0)


def waiting(reason: str) -> Object:
    """Return a pod whose container waits."""
    return pod(state={"waiting": {"reason": reason}}, ready=False)


def test_a_rollout_is_reported_once() -> None:
    """With its node, when it is complete."""
    reported: list[str] = []
    cluster = Scripted((deployment(availableReplicas=1), waiting("ContainerCreating"), []), (deployment(), pod(), []))
    [row] = gate(cluster, reported).wait()
    assert row.rolled_out
    assert reported == ["rollout process-worker-arm64   2/2 on r3"]


def test_an_image_that_cannot_be_pulled_ends_the_wait() -> None:
    """Long before the deadline, with the cluster's own message and the next step."""
    failed = warning("worker-1", 'Failed to pull image: "not found"', at="2026-11-25T02:00:00Z")
    cluster = Scripted((deployment(availableReplicas=0), waiting("ImagePullBackOff"), [failed]))
    with pytest.raises(Unavailable, match="worker-1 on r3: ImagePullBackOff") as stuck:
        gate(cluster, []).wait()
    assert cluster.now < 100
    assert "not found" in stuck.value.found
    assert stuck.value.next_step == "lab diagnose"


def test_a_pod_that_recovers_is_waited_for() -> None:
    """The time of being stuck starts again after every recovery."""
    stuck, recovered = waiting("ErrImagePull"), waiting("ContainerCreating")
    under_way = deployment(availableReplicas=0)
    no_events: Sequence[Object] = ()
    states = [(under_way, state, no_events) for state in (stuck, stuck, recovered, stuck, stuck)]
    assert gate(Scripted(*states, (deployment(), pod(), no_events)), []).wait()


def test_the_deadline_ends_the_wait() -> None:
    """With the progress so far."""
    cluster = Scripted((deployment(availableReplicas=1, readyReplicas=1), waiting("ContainerCreating"), []))
    with pytest.raises(Unavailable, match="within 50 s; 1 of 2 ready: worker-1 ContainerCreating"):
        gate(cluster, [], deadline_s=50).wait()


def test_a_watcher_sees_every_poll() -> None:
    """And, once the processes were asked, what they report."""
    seen: list[Rows] = []
    cluster = Scripted((deployment(readyReplicas=1, availableReplicas=1), pod(), []), (deployment(), pod(), []))
    watched = gate(cluster, [], watch=seen.append)
    watched.show(watched.wait(), {"worker-1": "aarch64", "somebody": "x86_64"})
    assert [(row.ready, row.wanted, row.nodes, row.says) for [row] in seen] == [
        (1, 2, ("r3",), ()),
        (2, 2, ("r3",), ()),
        (2, 2, ("r3",), ("aarch64",)),
    ]
