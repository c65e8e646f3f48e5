"""A pod tells what created it, and what it is made of."""

from typing import Any

import pytest

from lab.snapshots.kubernetes import Pod
from tests.unit.diagnosis.builders import ago, pod


def test_a_pod_terminates_once_it_was_deleted() -> None:
    """Its deletion time tells, whatever its phase is."""
    worker = pod()
    assert not Pod(worker).is_terminating
    worker["metadata"]["deletionTimestamp"] = ago(3)
    assert Pod(worker).is_terminating
    assert Pod(worker).phase == "Running"


@pytest.mark.parametrize(
    ("owners", "workload"),
    [
        ([{"kind": "ReplicaSet", "name": "query-api-arm64-5d8f"}], "Deployment/query-api-arm64"),
        ([{"kind": "DaemonSet", "name": "exporter"}], "DaemonSet/exporter"),
        ([], "Pod/alone"),
        (None, "Pod/alone"),
    ],
)
def test_a_fault_is_cured_at_what_created_the_pod(owners: list[dict[str, Any]] | None, workload: str) -> None:
    """A ReplicaSet belongs to a Deployment; a pod that nothing created is cured itself."""
    assert Pod({"metadata": {"name": "alone", "ownerReferences": owners}}).workload == workload


def test_init_containers_come_first_and_count_for_readiness() -> None:
    """A container that has no status yet is not ready."""
    worker = pod()
    worker["spec"]["initContainers"] = [{"name": "bootstrap"}]
    assert [container.name for container in Pod(worker).containers] == ["bootstrap", "process-worker"]
    assert not Pod(worker).is_ready
    worker["status"]["initContainerStatuses"] = [{"name": "bootstrap", "ready": True}]
    assert Pod(worker).is_ready
