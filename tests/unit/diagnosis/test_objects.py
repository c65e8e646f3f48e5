"""Kubernetes objects as rules read them, where fields are missing."""

import pytest

from lab.snapshots.kubernetes import Node, Pod
from tests.unit.diagnosis.builders import ago, node, pod


@pytest.mark.parametrize(
    ("conditions", "ready"),
    [
        ([{"type": "Ready", "status": "True"}], True),
        ([{"type": "Ready", "status": "False"}], False),
        ([{"type": "Ready", "status": "Unknown"}], False),
        ([{"type": "DiskPressure", "status": "True"}], False),
        ([], False),
    ],
    ids=["true", "false", "unknown", "other", "none"],
)
def test_a_node_is_ready_only_by_its_own_word(conditions: list[dict[str, str]], *, ready: bool) -> None:
    """A node without the condition is not ready."""
    board = node("arm64")
    board["status"]["conditions"] = conditions
    assert Node(board).is_ready is ready
    assert Node({"metadata": {"name": "new"}}).is_ready is False


def test_a_pod_terminates_once_it_was_deleted() -> None:
    """Its deletion time tells, whatever its phase is."""
    worker = pod()
    assert not Pod(worker).is_terminating
    worker["metadata"]["deletionTimestamp"] = ago(3)
    assert Pod(worker).is_terminating
    assert Pod(worker).phase == "Running"
