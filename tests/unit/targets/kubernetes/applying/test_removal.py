"""A removal takes everything of a stack, and nothing else; applying makes what a removal takes."""

from collections.abc import Mapping
from typing import Final

import pytest

from lab.errors import Exists, Unavailable
from lab.snapshots.kubernetes import STACK_LABEL
from lab.snapshots.kubernetes.kinds import Kind
from lab.targets.kubernetes.applying.apply import apply_all
from lab.targets.kubernetes.applying.removal import IN_EVERY_NAMESPACE, LISTED, remove_all
from lab.targets.kubernetes.client.port import Applied
from lab.targets.kubernetes.objects import MANAGER, PART_OF, kube_object
from lab.targets.kubernetes.secret_names import SECRET_NAMES
from tests.fakes.cluster import FakeClusterClient
from tests.rendered.rights import GOLDEN
from tests.unit.targets.kubernetes.clusters import ALL_SECRETS, OURS, STACK, config_map, kept_objects, objects
from tests.unit.targets.kubernetes.object_server import plural

NO_LABELS: Final[Mapping[str, str]] = {}
FOREIGN: Final = {("ConfigMap", "settings-of-others"): {}, ("Service", "other"): {STACK_LABEL: "other"}}
WANTED: Final = [
    kube_object({"apiVersion": "v1", "kind": kind, "metadata": {"name": name, "labels": OURS}})
    for kind, name in (("Namespace", "testbed"), ("ConfigMap", "settings"))
]


def removed_from(kept: FakeClusterClient) -> list[str]:
    """Return what a removal says it removed."""
    return remove_all(kept, "lab").removed


def test_everything_of_a_stack_is_removed() -> None:
    """What runs before what it needs."""
    kept = kept_objects([*STACK, *ALL_SECRETS], labels={})
    removed = removed_from(kept)
    assert (removed[0], removed[-1]) == ("Deployment/worker", "ServiceAccount/worker")
    assert len(removed) == len(STACK) + len(SECRET_NAMES)
    assert kept.there == []


@pytest.mark.parametrize("broken", [f"{kind}/{name}" for kind, name in [*STACK, *ALL_SECRETS]])
def test_a_removal_that_broke_off_is_continued(broken: str) -> None:
    """Wherever it broke off, the next removal finds what is left, and says so."""
    kept = kept_objects([*STACK, *ALL_SECRETS], labels={})
    kept.faults = {f"delete {broken}": Unavailable("cannot reach the cluster")}
    with pytest.raises(Unavailable):
        removed_from(kept)
    kept.faults = {}
    assert removed_from(kept) != []
    assert kept.there == []
    assert removed_from(kept) == []


def test_secrets_that_are_left_over_are_removed_from_a_namespace_for_the_lab() -> None:
    """There they are nobody else's; the removal says that there was something."""
    kept = kept_objects(foreign={key: {} for key in ALL_SECRETS}, labels={PART_OF: MANAGER})
    assert removed_from(kept) == [f"Secret/{name}" for name in SECRET_NAMES]
    assert removed_from(kept) == []


def test_secrets_of_the_same_name_stay_where_nothing_else_is_the_lab_s() -> None:
    """A namespace without any sign of the lab is left as it is."""
    kept = kept_objects(foreign={key: {} for key in ALL_SECRETS}, labels={})
    assert removed_from(kept) == []
    assert kept.there == ALL_SECRETS


def test_objects_of_others_stay() -> None:
    """In the same namespace, with another stack's label or none."""
    kept = kept_objects([*STACK, *ALL_SECRETS], foreign=FOREIGN, labels={PART_OF: MANAGER})
    removed_from(kept)
    assert kept.there == list(FOREIGN)
    assert kept.labels is not None


@pytest.mark.parametrize("labels", [{}, {PART_OF: MANAGER}, {STACK_LABEL: "other"}], ids=["none", "for-it", "other"])
def test_a_namespace_that_the_lab_did_not_make_stays(labels: Mapping[str, str]) -> None:
    """Even where it was made for the lab."""
    kept = kept_objects(STACK, labels=labels)
    assert "Namespace/testbed" not in removed_from(kept)
    assert kept.labels == labels


def test_a_namespace_that_the_lab_made_goes_last() -> None:
    """Applying made it where there was none; a second removal finds nothing."""
    kept = kept_objects()
    assert [result.change for result in apply_all(kept, WANTED)] == ["created", "created"]
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
def test_a_namespace_that_others_use_stays(kind: str, labels: Mapping[str, str]) -> None:
    """Even where the lab made it. Foreign objects are named until they are gone."""
    kept = kept_objects(STACK, foreign={(kind, "theirs"): labels}, labels=OURS)
    assert remove_all(kept, "lab") == ([f"{of}/{name}" for of, name in STACK], [f"{kind}/theirs"])
    assert (kept.labels, kept.there) == (OURS, [(kind, "theirs")])
    assert remove_all(kept, "lab") == ([], [f"{kind}/theirs"])
    kept.delete(Kind("", kind), "theirs")
    assert remove_all(kept, "lab") == (["Namespace/testbed"], [])


def test_objects_that_every_namespace_has_do_not_keep_it() -> None:
    """Nor do objects of the stack that are not gone yet."""
    of_kubernetes = dict.fromkeys(IN_EVERY_NAMESPACE, NO_LABELS)
    terminating = {("Pod", "worker-1"): {STACK_LABEL: "lab"}}
    kept = kept_objects(STACK, foreign={**of_kubernetes, **terminating}, labels=OURS)
    assert removed_from(kept)[-1] == "Namespace/testbed"


def test_a_removal_lists_only_what_the_lab_may_list() -> None:
    """With the rights that the lab asks for, in a whole namespace."""
    for api_version, kind in LISTED:
        group = api_version.rpartition("/")[0]
        assert "list" in GOLDEN[f"{plural(kind)}.{group}" if group else plural(kind)].split()


def test_a_namespace_that_is_there_is_not_applied() -> None:
    """Its labels stay; everything else is applied."""
    kept = kept_objects(labels={"team": "theirs"})
    assert apply_all(kept, WANTED) == [Applied("ConfigMap", "settings", "created")]
    assert kept.labels == {"team": "theirs"}


def test_fields_of_another_manager_are_taken_over_by_force_alone() -> None:
    """Otherwise the error names the manager, and the object stays."""
    kept = kept_objects(labels=OURS)
    kept.hold([config_map("settings", managedFields=[{"manager": "kubectl"}])])
    wanted = objects(config_map("settings", "other\n"))
    with pytest.raises(Exists, match="kubectl"):
        apply_all(kept, wanted)
    assert kept.done == []
    assert apply_all(kept, wanted, force=True) == [Applied("ConfigMap", "settings", "changed")]
