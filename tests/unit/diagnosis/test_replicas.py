"""Replicas of one workload: what is wrong with one of them is found whatever the others are like."""

from collections.abc import Callable

import pytest

from lab.diagnosis.diagnose import diagnose
from tests.unit.diagnosis.builders import Object, ago, changed, pod, with_objects
from tests.unit.diagnosis.cases import CASES, WORKER


def evicted() -> Object:
    """What an eviction left of a pod that was well."""
    made = changed(pod(), ready=False, state={"terminated": {"exitCode": 137, "finishedAt": ago(4_000)}})
    made["metadata"]["name"] += "-evicted"
    made["status"] |= {"phase": "Failed", "reason": "Evicted"}
    return made


def well() -> Object:
    """Another replica, which is of the right architecture."""
    made = pod()
    made["metadata"]["name"] += "-twin"
    return made


@pytest.mark.parametrize("other", [evicted, well], ids=lambda make: str(make.__name__))
def test_another_replica_hides_no_wrong_architecture(other: Callable[[], Object]) -> None:
    """Every one that runs is looked at."""
    here = CASES["wrong-architecture-silent"].snapshot
    pods = here.objects.pods
    for order in ((other(), *pods), (*pods, other())):
        [found] = diagnose(with_objects(here, pods=order))
        assert (found.cause, found.object) == ("wrong-architecture-silent", WORKER)
