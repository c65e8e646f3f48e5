"""What a stack is removed with: everything of it, and nothing of anybody else's."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, cast

import pytest

from lab.errors import Unavailable
from lab.targets.cluster.objects import SECRETS, remove_all
from lab.targets.kube import MANAGER, PART_OF, STACK_LABEL

if TYPE_CHECKING:
    from lab.targets.cluster.api import Cluster

STACK: Final = [("Deployment", "worker"), ("ConfigMap", "settings"), ("ServiceAccount", "worker")]
ALL_SECRETS: Final = [("Secret", name) for name in SECRETS]


class Kept:
    """A namespace with these objects; breaks off at one of them. Secrets are never listed.

    Attributes:
        there: Kind and name of what there is.
    """

    namespace = "testbed"

    def __init__(self, there: Sequence[tuple[str, str]], *, labels: Mapping[str, str], broken: str = "") -> None:
        self.there, self._labels, self.broken = list(there), labels, broken

    def find(self, _api_version: str, kind: str, name: str) -> Mapping[str, Any]:
        """The namespace."""
        return {"kind": kind, "metadata": {"name": name, "labels": dict(self._labels)}}

    def list(self, _api_version: str, kind: str, *, selector: str = "") -> Sequence[Mapping[str, Any]]:
        """What the stack has of a kind."""
        assert (kind, selector) != ("Secret", STACK_LABEL)
        return [{"metadata": {"name": name}} for of, name in self.there if of == kind]

    def delete(self, _api_version: str, kind: str, name: str) -> bool:
        """Remove it, if it is there."""
        if f"{kind}/{name}" == self.broken:
            raise Unavailable("cannot reach the cluster")
        was_there = (kind, name) in self.there
        self.there = [one for one in self.there if one != (kind, name)]
        return was_there


def removed_from(kept: Kept) -> list[str]:
    """What is said to have been there."""
    return remove_all(cast("Cluster", kept), "lab")


def test_everything_of_a_stack_is_removed() -> None:
    """What runs before what it needs."""
    kept = Kept([*STACK, *ALL_SECRETS], labels={})
    removed = removed_from(kept)
    assert (removed[0], removed[-1]) == ("Deployment/worker", "ServiceAccount/worker")
    assert len(removed) == len(STACK) + len(SECRETS)
    assert kept.there == []


@pytest.mark.parametrize("broken", [f"{kind}/{name}" for kind, name in [*STACK, *ALL_SECRETS]])
def test_a_removal_that_broke_off_is_gone_on_with(broken: str) -> None:
    """Wherever it did: the next one finds what is left, and says so."""
    kept = Kept([*STACK, *ALL_SECRETS], labels={}, broken=broken)
    with pytest.raises(Unavailable):
        removed_from(kept)
    kept.broken = ""
    assert removed_from(kept) != []
    assert kept.there == []
    assert removed_from(kept) == []


def test_secrets_that_are_left_over_go_in_a_namespace_for_the_lab() -> None:
    """They are nobody else's there; that there was something is said."""
    kept = Kept(ALL_SECRETS, labels={PART_OF: MANAGER})
    assert removed_from(kept) == [f"Secret/{name}" for name in SECRETS]
    assert removed_from(kept) == []


def test_what_is_called_the_same_elsewhere_stays() -> None:
    """A namespace without any sign of the lab is left as it is."""
    kept = Kept(ALL_SECRETS, labels={})
    assert removed_from(kept) == []
    assert kept.there == ALL_SECRETS
