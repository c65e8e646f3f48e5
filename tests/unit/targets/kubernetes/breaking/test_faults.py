"""Faults hit the pods of a stack alone, and the errors say what can be broken."""

import json
from pathlib import Path
from typing import Any, Final

import pytest

from lab.errors import Unavailable, UsageFault
from lab.snapshots.kubernetes import STACK_LABEL
from lab.systems.services import SERVICES
from lab.targets.kubernetes.breaking.faults import PodFaults
from tests.fakes.cluster import FakeClusterClient
from tests.fakes.kubectl import FakeKubectl
from tests.unit.targets.kubernetes.samples import deployment, pod

WORKER: Final = "process-worker"
NAME: Final = "process-worker-arm64"
OWNERS: Final = [{"manager": "observability-lab", "fieldsV1": {"f:spec": {"f:replicas": {}}}}]
CRASHING: Final = {"waiting": {"reason": "CrashLoopBackOff"}}


@pytest.fixture
def kubectl(tmp_path: Path) -> FakeKubectl:
    """Return a kubectl that reaches every pod."""
    return FakeKubectl(tmp_path)


def faults(kubectl: FakeKubectl, *pods: dict[str, Any]) -> PodFaults:
    """Return the faults of a stack with a Deployment of two replicas on arm64, and some pods."""
    scalable = deployment()
    scalable["metadata"]["managedFields"] = OWNERS
    return PodFaults(FakeClusterClient(scalable, *pods), f"{STACK_LABEL}=lab", kubectl.commands)


def patch(change: dict[str, Any]) -> str:
    """Return the record of a change of the Deployment."""
    return f"patch {NAME} {json.dumps(change)}"


SCALED: Final = patch({"spec": {"replicas": 0}})
NUMBER_RESTORED: Final = patch({"spec": {"replicas": 2}})
OWNERS_RESTORED: Final = patch({"metadata": {"managedFields": OWNERS}})


def test_the_first_ready_pod_is_hit(kubectl: FakeKubectl) -> None:
    """By its name, whatever the order of the API; a pod that is not ready is left out."""
    pods = [pod("c"), pod("b"), pod("a", state=CRASHING, ready=False)]
    faults(kubectl, *pods).kill(WORKER, "arm64")
    assert kubectl.done == ["kill services.process_worker in b"]


def test_pods_of_other_architectures_and_stacks_are_left_alone(kubectl: FakeKubectl) -> None:
    """No pod of the service is ready then; the error says so."""
    foreign = pod("theirs")
    foreign["metadata"]["labels"] = {**foreign["metadata"]["labels"], STACK_LABEL: "other"}
    with pytest.raises(Unavailable, match="no pod of process-worker amd64 is ready now") as error:
        faults(kubectl, pod("a")).kill(WORKER, "amd64")
    assert (error.value.found, error.value.next_step) == ("it has no pod", "lab diagnose")
    with pytest.raises(Unavailable, match="no pod of process-worker is ready now"):
        faults(kubectl, foreign).delete_pod(WORKER)
    assert kubectl.done == []


def test_a_service_whose_pods_do_not_run_is_named_with_their_states(kubectl: FakeKubectl) -> None:
    """The next step finds the cause."""
    crashing = pod("a", state=CRASHING, ready=False)
    with pytest.raises(Unavailable) as error, faults(kubectl, crashing).paused(WORKER):
        pytest.fail("it was paused")
    assert (error.value.found, error.value.next_step) == ("a CrashLoopBackOff", "lab diagnose")


def test_what_the_stack_does_not_have_is_refused_with_what_it_has(kubectl: FakeKubectl) -> None:
    """The next step is to name one of these."""
    broken = faults(kubectl, pod("a"))
    with pytest.raises(UsageFault, match='no service "redis" in this stack') as service:
        broken.kill("redis")
    assert (service.value.found, service.value.next_step) == (
        f"it has: {', '.join(SERVICES)}",
        "name one of these services",
    )
    with pytest.raises(UsageFault, match="no Deployment process-worker-amd64 in this stack") as scaling:
        broken.scaled(WORKER, "amd64", replicas=0).__enter__()
    assert scaling.value.found == f"it has: {NAME}"
    assert scaling.value.next_step == "name the service and the architecture of one of these Deployments"


def test_scaling_restores_the_number_and_its_owner(kubectl: FakeKubectl) -> None:
    """Also after an error, which is raised."""
    with pytest.raises(ZeroDivisionError), faults(kubectl).scaled(WORKER, "arm64", replicas=0):
        raise ZeroDivisionError
    assert kubectl.done == [SCALED, NUMBER_RESTORED, OWNERS_RESTORED]


def test_scaling_that_is_refused_changes_nothing(kubectl: FakeKubectl) -> None:
    """The error has the last line of kubectl; what is as it was is restored all the same."""
    kubectl.fail(SCALED.removeprefix("patch "), "deployments.apps is forbidden")
    with pytest.raises(Unavailable, match=f"cannot scale {NAME}") as error:
        faults(kubectl).scaled(WORKER, "arm64", replicas=0).__enter__()
    assert (error.value.found, error.value.next_step) == ("deployments.apps is forbidden", "lab diagnose")
    assert kubectl.done == [NUMBER_RESTORED, OWNERS_RESTORED]
