"""What a stack is removed with: everything of it, and nothing of anybody else's."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, cast

import pytest

from lab.errors import Unavailable, UsageFault
from lab.targets.kubernetes.applying.apply import (
    IN_EVERY_NAMESPACE,
    LOOKED_FOR,
    SECRETS,
    apply_all,
    check_namespace,
    remove_all,
)
from lab.targets.kubernetes.client.cluster import Applied
from lab.targets.kubernetes.objects import MANAGER, PART_OF, STACK_LABEL, kube_object
from tests.rendered.rights import GOLDEN
from tests.unit.targets.object_server import plural

if TYPE_CHECKING:
    from lab.targets.kubernetes.client.cluster import Cluster

STACK: Final = [("Deployment", "worker"), ("ConfigMap", "settings"), ("ServiceAccount", "worker")]
ALL_SECRETS: Final = [("Secret", name) for name in SECRETS]
NO_LABELS: Final[Mapping[str, str]] = {}
NOTHING: Final[Mapping[tuple[str, str], Mapping[str, str]]] = {}
THEIRS: Final = {("ConfigMap", "settings-of-others"): {}, ("Service", "other"): {STACK_LABEL: "other"}}
OURS: Final = {PART_OF: MANAGER, STACK_LABEL: "lab"}
"""Labels of a namespace that the lab made."""
WANTED: Final = [
    kube_object({"apiVersion": "v1", "kind": kind, "metadata": {"name": name, "labels": OURS}})
    for kind, name in (("Namespace", "testbed"), ("ConfigMap", "settings"))
]


class Kept:
    """A cluster with these objects in a namespace; breaks off at one of them. Secrets are never listed.

    Args:
        there: Kind and name of what the stack has.
        theirs: Of what bears no label of the stack, or that of another one.
        labels: Of the namespace; None where there is none.
        broken: `kind/name` that cannot be removed.
    """

    namespace = "testbed"

    def __init__(
        self,
        there: Sequence[tuple[str, str]] = (),
        *,
        theirs: Mapping[tuple[str, str], Mapping[str, str]] = NOTHING,
        labels: Mapping[str, str] | None = None,
        broken: str = "",
    ) -> None:
        self._objects = {**{key: {STACK_LABEL: "lab"} for key in there}, **theirs}
        self.labels, self.broken = labels, broken

    @property
    def there(self) -> Sequence[tuple[str, str]]:
        """Kind and name of what there is."""
        return list(self._objects)

    def find(self, _api_version: str, kind: str, name: str) -> Mapping[str, Any] | None:
        """The namespace."""
        assert (kind, name) == ("Namespace", self.namespace)
        return None if self.labels is None else {"kind": kind, "metadata": {"name": name, "labels": dict(self.labels)}}

    def list(self, _api_version: str, kind: str, *, selector: str = "") -> Sequence[Mapping[str, Any]]:
        """What there is of a kind with that label."""
        assert kind != "Secret", "nobody may list them"
        key, _, value = selector.partition("=")
        return [
            {"metadata": {"name": name, "labels": dict(labels)}}
            for (of, name), labels in self._objects.items()
            if of == kind and (not selector or labels.get(key) == value)
        ]

    def apply(self, wanted: Mapping[str, Any], *, force: bool = False) -> Applied:
        """Make it as it is wanted."""
        kind, metadata = wanted["kind"], wanted["metadata"]
        if kind == "Namespace":
            self.labels = metadata["labels"]
        else:
            self._objects[kind, metadata["name"]] = metadata["labels"]
        return Applied(kind, metadata["name"], "forced" if force else "created")

    def delete(self, _api_version: str, kind: str, name: str) -> bool:
        """Remove it, if it is there; a namespace with all that is in it."""
        if f"{kind}/{name}" == self.broken:
            raise Unavailable("cannot reach the cluster")
        if kind == "Namespace":
            self.labels, self._objects = None, {}
            return True
        return self._objects.pop((kind, name), None) is not None


def cluster(kept: Kept) -> "Cluster":
    """It, as what the lab asks."""
    return cast("Cluster", kept)


def removed_from(kept: Kept) -> list[str]:
    """What is said to have been there."""
    return remove_all(cluster(kept), "lab").gone


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
    kept = Kept(theirs={key: {} for key in ALL_SECRETS}, labels={PART_OF: MANAGER})
    assert removed_from(kept) == [f"Secret/{name}" for name in SECRETS]
    assert removed_from(kept) == []


def test_what_is_called_the_same_elsewhere_stays() -> None:
    """A namespace without any sign of the lab is left as it is."""
    kept = Kept(theirs={key: {} for key in ALL_SECRETS}, labels={})
    assert removed_from(kept) == []
    assert kept.there == ALL_SECRETS


def test_what_is_somebody_else_s_stays() -> None:
    """In the same namespace, with another stack's label or none."""
    kept = Kept([*STACK, *ALL_SECRETS], theirs=THEIRS, labels={PART_OF: MANAGER})
    removed_from(kept)
    assert kept.there == list(THEIRS)
    assert kept.labels is not None


@pytest.mark.parametrize("labels", [{}, {PART_OF: MANAGER}, {STACK_LABEL: "other"}], ids=["none", "for-it", "other"])
def test_a_namespace_that_the_lab_did_not_make_stays(labels: Mapping[str, str]) -> None:
    """Whoever made it, and be it for the lab."""
    kept = Kept(STACK, labels=labels)
    assert "Namespace/testbed" not in removed_from(kept)
    assert kept.labels == labels


def test_a_namespace_that_the_lab_made_goes_last() -> None:
    """Made by applying, where there was none; a second removal finds nothing."""
    kept = Kept()
    assert [one.change for one in apply_all(cluster(kept), WANTED)] == ["created", "created"]
    assert kept.labels == OURS
    assert removed_from(kept) == ["ConfigMap/settings", "Namespace/testbed"]
    assert not kept.labels
    assert kept.there == []
    assert removed_from(kept) == []


@pytest.mark.parametrize(
    ("kind", "labels"),
    [
        ("ConfigMap", {}),
        ("Pod", {}),
        ("PersistentVolumeClaim", {}),
        ("Deployment", {STACK_LABEL: "other"}),
    ],
)
def test_a_namespace_that_somebody_else_uses_stays(kind: str, labels: Mapping[str, str]) -> None:
    """Even where the lab made it: what is theirs is named, until it has gone."""
    kept = Kept(STACK, theirs={(kind, "theirs"): labels}, labels=OURS)
    assert remove_all(cluster(kept), "lab") == ([f"{of}/{name}" for of, name in STACK], [f"{kind}/theirs"])
    assert (kept.labels, kept.there) == (OURS, [(kind, "theirs")])
    assert remove_all(cluster(kept), "lab") == ([], [f"{kind}/theirs"])
    kept.delete("", kind, "theirs")
    assert remove_all(cluster(kept), "lab") == (["Namespace/testbed"], [])


def test_what_every_namespace_has_keeps_none() -> None:
    """Nor does what is ours and has not gone yet."""
    of_kubernetes = dict.fromkeys(IN_EVERY_NAMESPACE, NO_LABELS)
    kept = Kept(STACK, theirs={**of_kubernetes, ("Pod", "worker-1"): {STACK_LABEL: "lab"}}, labels=OURS)
    assert removed_from(kept)[-1] == "Namespace/testbed"


def test_what_is_looked_for_may_be_listed() -> None:
    """By whoever has the rights that the lab asks for, in a whole namespace."""
    for api_version, kind in LOOKED_FOR:
        group = api_version.rpartition("/")[0]
        assert "list" in GOLDEN[f"{plural(kind)}.{group}" if group else plural(kind)].split()


def test_a_namespace_that_is_there_is_not_written() -> None:
    """Its labels stay; everything else is applied, by force where that is meant."""
    kept = Kept(labels={"team": "theirs"})
    assert apply_all(cluster(kept), WANTED, force=True) == [Applied("ConfigMap", "settings", "forced")]
    assert kept.labels == {"team": "theirs"}


@pytest.mark.parametrize("name", ["kube-system", "kube-public", "default"])
@pytest.mark.parametrize("adopt", [False, True])
def test_a_namespace_of_the_cluster_is_refused(name: str, *, adopt: bool) -> None:
    """Even where somebody means it."""
    kept = Kept(labels=OURS)
    kept.namespace = name
    with pytest.raises(UsageFault, match=f"will not deploy into the namespace {name}") as error:
        check_namespace(cluster(kept), adopt=adopt)
    assert (error.value.reason, error.value.found) == ("E_NOT_OURS", "it belongs to the cluster")


def test_a_namespace_of_somebody_else_has_to_be_meant() -> None:
    """The error says how."""
    kept = Kept(labels={PART_OF: "shop"})
    with pytest.raises(UsageFault, match="will not deploy into the namespace testbed") as error:
        check_namespace(cluster(kept), adopt=False)
    assert error.value.reason == "E_NOT_OURS"
    assert "--namespace testbed --adopt" in error.value.next_step
    check_namespace(cluster(kept), adopt=True)


@pytest.mark.parametrize("labels", [None, {PART_OF: MANAGER}, OURS], ids=["not-there", "for-the-lab", "ours"])
def test_a_namespace_for_the_lab_is_not_asked_about(labels: Mapping[str, str] | None) -> None:
    """Nor one that is to be made."""
    check_namespace(cluster(Kept(labels=labels)), adopt=False)
