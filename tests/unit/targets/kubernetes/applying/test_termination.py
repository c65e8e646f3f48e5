"""The wait after a removal ends when pods and namespace are gone, and not later than its deadline."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from lab.snapshots.kubernetes import STACK_LABEL
from lab.snapshots.kubernetes.kinds import Kind
from lab.targets.kubernetes.applying.termination import GONE_S, await_gone

STEP_S: Final = 10.0
TERMINATING: Final = {"name": "testbed", "deletionTimestamp": "2026-01-01T00:00:00Z"}
STAYING: Final = {"name": "testbed"}
State = tuple[Sequence[str], Mapping[str, str] | None]


class Draining:
    """A cluster with the next state at every poll, the last for ever. Every poll takes ten seconds.

    Args:
        states: Names of pods, and the metadata of the namespace; None once the namespace is gone.
    """

    namespace = "testbed"

    def __init__(self, *states: State) -> None:
        self._states, self.reported, self.now = list(states), list[str](), -STEP_S

    def find(self, kind: Kind, name: str) -> Mapping[str, Any] | None:
        """Return the namespace, at the next poll."""
        assert (kind.name, name) == ("Namespace", self.namespace)
        self._state = self._states.pop(0) if len(self._states) > 1 else self._states[0]
        return {"metadata": self._state[1]} if self._state[1] else None

    def list(self, kind: Kind, *, selector: str = "") -> Sequence[Mapping[str, Any]]:
        """Return the pods of the stack."""
        assert (kind.name, selector) == ("Pod", f"{STACK_LABEL}=lab")
        return [{"metadata": {"name": name}} for name in self._state[0]]

    def clock(self) -> float:
        """Return seconds."""
        self.now += STEP_S
        return self.now

    def wait(self) -> Sequence[str]:
        """Return what is left in the end."""

        def report(stage: str, happened: str, _seconds: float) -> None:
            self.reported.append(f"{stage} {happened}")

        return await_gone(self, "lab", report, clock=self.clock, poll_s=0.0)


def test_what_is_gone_is_not_waited_for() -> None:
    """Nor reported, whether there is a namespace left or none."""
    for namespace in (STAYING, None):
        cluster = Draining(([], namespace))
        assert cluster.wait() == ()
        assert cluster.reported == []


def test_pods_that_drain_are_waited_for_and_reported_once() -> None:
    """In a namespace that stays."""
    cluster = Draining((["a", "b"], STAYING), (["a"], STAYING), ([], STAYING))
    assert cluster.wait() == ()
    assert cluster.reported == ["terminating Pod/a, Pod/b", "gone after 30 s"]


def test_a_terminating_namespace_is_waited_for() -> None:
    """After its last pod, too: until it is gone it takes no new object."""
    cluster = Draining((["a"], TERMINATING), ([], TERMINATING), ([], None))
    assert cluster.wait() == ()
    assert cluster.reported == ["terminating Pod/a, Namespace/testbed", "gone after 30 s"]


def test_what_does_not_go_is_named_in_the_end() -> None:
    """After the deadline, by the clock."""
    cluster = Draining(([], TERMINATING))
    assert cluster.wait() == ["Namespace/testbed"]
    assert GONE_S < cluster.now <= GONE_S + 2 * STEP_S
