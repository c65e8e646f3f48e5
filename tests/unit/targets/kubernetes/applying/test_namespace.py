"""Namespaces that the lab deploys into, and those that it refuses."""

from collections.abc import Mapping

import pytest

from lab.errors import UsageFault
from lab.targets.kubernetes.applying.namespace import check_namespace
from lab.targets.kubernetes.objects import MANAGER, PART_OF
from tests.unit.targets.kubernetes.clusters import OURS, kept_objects


@pytest.mark.parametrize("name", ["kube-system", "kube-public", "default"])
@pytest.mark.parametrize("adopt", [False, True])
def test_a_namespace_of_the_cluster_is_refused(name: str, *, adopt: bool) -> None:
    """Even where the user means to adopt it."""
    kept = kept_objects(labels=OURS, namespace=name)
    with pytest.raises(UsageFault, match=f"will not deploy into the namespace {name}") as error:
        check_namespace(kept, adopt=adopt)
    assert (error.value.reason, error.value.found) == ("E_NOT_OURS", "it belongs to the cluster")


def test_a_namespace_that_was_not_made_for_the_lab_has_to_be_adopted() -> None:
    """The error says how."""
    kept = kept_objects(labels={PART_OF: "shop"})
    with pytest.raises(UsageFault, match="will not deploy into the namespace testbed") as error:
        check_namespace(kept, adopt=False)
    assert error.value.reason == "E_NOT_OURS"
    assert "--namespace testbed --adopt" in error.value.next_step
    check_namespace(kept, adopt=True)


@pytest.mark.parametrize("labels", [None, {PART_OF: MANAGER}, OURS], ids=["not-there", "for-the-lab", "ours"])
def test_a_namespace_for_the_lab_need_not_be_adopted(labels: Mapping[str, str] | None) -> None:
    """Nor a namespace that is to be made."""
    check_namespace(kept_objects(labels=labels), adopt=False)
