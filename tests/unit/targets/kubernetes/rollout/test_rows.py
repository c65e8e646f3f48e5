"""How far a rollout is, from what the API has of deployments, pods and events."""

from datetime import UTC, datetime
from typing import Final

import pytest

from lab.targets.kubernetes.rollout.rows import rows
from tests.unit.targets.kubernetes.samples import deployment, pod, warning

NOW: Final = datetime(2026, 11, 25, 2, 0, 20, tzinfo=UTC)


def test_a_rollout_is_complete_when_every_wanted_pod_has_the_newest_template() -> None:
    """The row has the architecture and the pods, and no warning."""
    [row] = rows([deployment()], [pod("b"), pod("a")], [], now=NOW)
    assert (row.service, row.architecture, row.wanted, row.ready) == ("process-worker", "arm64", 2, 2)
    assert row.rolled_out
    assert [view.name for view in row.pods] == ["a", "b"]
    assert row.warning == ""


@pytest.mark.parametrize(
    "status",
    [{"observedGeneration": 2}, {"updatedReplicas": 1}, {"availableReplicas": 1}, {"replicas": 3}],
    ids=["template-not-seen", "old-pods-wanted", "not-available", "old-pods-left"],
)
def test_a_rollout_under_way_is_not_complete(status: dict[str, int]) -> None:
    """Whatever is missing."""
    [row] = rows([deployment(**status)], [pod()], [], now=NOW)
    assert not row.rolled_out


def test_a_row_has_the_newest_warning_about_its_rollout() -> None:
    """About the deployment or a pod of it; warnings about other objects are left out."""
    events = [
        warning("worker-1", "old", at="2026-11-25T02:00:00Z"),
        warning("worker-1", "new", at="2026-11-25T02:00:09Z"),
        warning("somebody", "newer", at="2026-11-25T02:00:10Z"),
    ]
    [row] = rows([deployment()], [pod()], events, now=NOW)
    assert row.warning == "Failed: new"
