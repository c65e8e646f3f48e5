"""Replicas of one workload: a wrong replica is found whatever the others are like."""

from collections.abc import Callable

import pytest

from tests.unit.diagnosis.builders import Object, ago, changed, pod, with_objects
from tests.unit.diagnosis.cases import CASES, WORKER
from tests.unit.diagnosis.findings import causes_and_objects


def evicted() -> Object:
    """Return what an eviction left of a healthy pod."""
    worker = changed(pod(), ready=False, state={"terminated": {"exitCode": 137, "finishedAt": ago(4_000)}})
    worker["metadata"]["name"] += "-evicted"
    worker["status"] |= {"phase": "Failed", "reason": "Evicted"}
    return worker


def well() -> Object:
    """Return another replica, which is of the right architecture."""
    worker = pod()
    worker["metadata"]["name"] += "-twin"
    return worker


@pytest.mark.parametrize("other", [evicted, well], ids=lambda make: str(make.__name__))
def test_another_replica_hides_no_wrong_architecture(other: Callable[[], Object]) -> None:
    """Every running replica is judged, in any order."""
    snapshot = CASES["wrong-architecture-silent"].snapshot
    pods = snapshot.objects.pods
    for order in ((other(), *pods), (*pods, other())):
        assert causes_and_objects(with_objects(snapshot, pods=order)) == [("wrong-architecture-silent", WORKER)]
