"""The wait for a rollout: told once per Deployment, ended early when waiting cannot help."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pytest

from lab.errors import Unavailable
from lab.model import RolloutRow
from lab.targets.kubernetes.rollout.gate import Gate
from lab.targets.port import watch_nothing
from tests.unit.targets.test_rollout import deployment, pod, warning

Object = Mapping[str, Any]
Rows = Sequence[RolloutRow]


class Scripted:
    """A cluster that says the next thing at every look; the last for ever. Time passes a second a look."""

    def __init__(self, *looks: tuple[Object, Object, Sequence[Object]]) -> None:
        self._looks, self.now = list(looks), 0.0

    def list(self, _api_version: str, kind: str, *, selector: str = "") -> Sequence[Object]:
        """See `lab.targets.kubernetes.rollout.gate.Watched`."""
        deployments, pods, events = self._looks[0]
        if kind == "Event":
            self.now += 10.0
            if len(self._looks) > 1:
                self._looks.pop(0)
            return events
        return [deployments] if kind == "Deployment" else [pods]


def gate(
    cluster: Scripted, told: list[str], *, deadline_s: float = 300, watch: Callable[[Rows], None] = watch_nothing
) -> Gate:
    """A gate with that cluster's clock."""

    def tell(stage: str, message: str, _seconds: float) -> None:
        told.append(f"{stage} {message}")

    return Gate(cluster, "", tell, deadline_s, watch, clock=lambda: cluster.now, look_s=0)


def waiting(reason: str) -> Object:
    """A pod whose container waits."""
    return pod(state={"waiting": {"reason": reason}}, ready=False)


def test_a_rollout_is_told_once() -> None:
    """With its node, when it is through."""
    told: list[str] = []
    cluster = Scripted((deployment(availableReplicas=1), waiting("ContainerCreating"), []), (deployment(), pod(), []))
    [row] = gate(cluster, told).wait()
    assert row.rolled_out
    assert told == ["rollout process-worker-arm64   2/2 on r3"]


def test_an_image_that_does_not_come_ends_the_wait() -> None:
    """Long before the deadline, with the cluster's own sentence and the next step."""
    said = warning("worker-1", 'Failed to pull image: "not found"', at="2026-11-25T02:00:00Z")
    cluster = Scripted((deployment(availableReplicas=0), waiting("ImagePullBackOff"), [said]))
    with pytest.raises(Unavailable, match="worker-1 on r3: ImagePullBackOff") as stuck:
        gate(cluster, []).wait()
    assert cluster.now < 100
    assert "not found" in stuck.value.found
    assert stuck.value.next_step == "lab diagnose"


def test_a_pod_that_recovers_is_waited_for() -> None:
    """One bad moment is none; the time counts from the newest."""
    bad, better = waiting("ErrImagePull"), waiting("ContainerCreating")
    under_way = deployment(availableReplicas=0)
    cluster = Scripted(*[(under_way, one, []) for one in (bad, bad, better, bad, bad)], (deployment(), pod(), []))
    assert gate(cluster, []).wait()


def test_the_deadline_ends_the_wait() -> None:
    """And says how far it came."""
    cluster = Scripted((deployment(availableReplicas=1, readyReplicas=1), waiting("ContainerCreating"), []))
    with pytest.raises(Unavailable, match="within 50 s; 1 of 2 ready: worker-1 ContainerCreating"):
        gate(cluster, [], deadline_s=50).wait()


def test_whoever_watches_sees_every_look() -> None:
    """And, when the processes were asked, what they say."""
    looks: list[Rows] = []
    cluster = Scripted((deployment(readyReplicas=1, availableReplicas=1), pod(), []), (deployment(), pod(), []))
    watched = gate(cluster, [], watch=looks.append)
    watched.show(watched.wait(), {"worker-1": "aarch64", "somebody": "x86_64"})
    assert [(row.ready, row.wanted, row.nodes, row.says) for [row] in looks] == [
        (1, 2, ("r3",), ()),
        (2, 2, ("r3",), ()),
        (2, 2, ("r3",), ("aarch64",)),
    ]
