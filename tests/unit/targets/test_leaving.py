"""The wait after a removal: until pods have ended and a namespace has gone, and not for ever."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from lab.targets.kubernetes.applying.termination import GONE_S, await_gone
from lab.targets.kubernetes.objects import STACK_LABEL

STEP_S: Final = 10.0
LEAVES: Final = {"name": "testbed", "deletionTimestamp": "2026-01-01T00:00:00Z"}
STAYS: Final = {"name": "testbed"}
Look = tuple[Sequence[str], Mapping[str, str] | None]


class Draining:
    """A cluster that has these pods and this namespace at each look, the last for ever; time passes ten seconds a look.

    Args:
        looks: Names of pods, and what the namespace says of itself; None once it is gone.
    """

    namespace = "testbed"

    def __init__(self, *looks: Look) -> None:
        self._looks, self.told, self.now = list(looks), list[str](), -STEP_S

    def find(self, _api_version: str, kind: str, name: str) -> Mapping[str, Any] | None:
        """The namespace, at the next look."""
        assert (kind, name) == ("Namespace", self.namespace)
        self._look = self._looks.pop(0) if len(self._looks) > 1 else self._looks[0]
        return {"metadata": self._look[1]} if self._look[1] else None

    def list(self, _api_version: str, kind: str, *, selector: str = "") -> Sequence[Mapping[str, Any]]:
        """Pods of the stack."""
        assert (kind, selector) == ("Pod", f"{STACK_LABEL}=lab")
        return [{"metadata": {"name": name}} for name in self._look[0]]

    def clock(self) -> float:
        """Seconds."""
        self.now += STEP_S
        return self.now

    def wait(self) -> Sequence[str]:
        """What is left in the end."""

        def tell(what: str, happened: str, _seconds: float) -> None:
            self.told.append(f"{what} {happened}")

        return await_gone(self, "lab", tell, clock=self.clock, look_s=0.0)


def test_what_is_gone_is_not_waited_for() -> None:
    """Nor told, whether there is a namespace left or none."""
    for namespace in (STAYS, None):
        cluster = Draining(([], namespace))
        assert cluster.wait() == ()
        assert cluster.told == []


def test_pods_that_drain_are_waited_for_and_told_once() -> None:
    """In a namespace that stays."""
    cluster = Draining((["a", "b"], STAYS), (["a"], STAYS), ([], STAYS))
    assert cluster.wait() == ()
    assert cluster.told == ["leaving Pod/a, Pod/b", "gone after 30 s"]


def test_a_namespace_on_its_way_out_is_waited_for() -> None:
    """After its last pod, too: until then it takes no new object."""
    cluster = Draining((["a"], LEAVES), ([], LEAVES), ([], None))
    assert cluster.wait() == ()
    assert cluster.told == ["leaving Pod/a, Namespace/testbed", "gone after 30 s"]


def test_what_does_not_go_is_named_in_the_end() -> None:
    """By the clock."""
    cluster = Draining(([], LEAVES))
    assert cluster.wait() == ["Namespace/testbed"]
    assert GONE_S < cluster.now <= GONE_S + 2 * STEP_S
