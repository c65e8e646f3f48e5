"""What no rule explains is reported as it is: pods that wait too long, Deployments that are short of pods."""

from typing import Any

import pytest

from lab.diagnosis.diagnose import diagnose
from lab.snapshots.kubernetes import STUCK_REASONS
from lab.snapshots.snapshot import Snapshot
from tests.unit.diagnosis.builders import (
    NAMESPACE,
    Object,
    ago,
    changed,
    deployments_of,
    event,
    healthy,
    node,
    owner_of,
    pod,
    pods_without,
    refused,
    replica_set,
    unplaced,
    waiting,
    with_objects,
    with_pod,
)
from tests.unit.diagnosis.cases import CASES, POD, WORKER
from tests.unit.diagnosis.faulty import store_probed
from tests.unit.diagnosis.findings import causes, causes_and_objects, only

NO_SECRET = 'MountVolume.SetUp failed for volume "serving" : secret "lab-serving" not found'
NO_VOLUME = "0/2 nodes are available: pod has unbound immediate PersistentVolumeClaims."
UP = f"lab up --target kubernetes --namespace {NAMESPACE} --force"
NAME = "process-worker-arm64"
NOT_READY = [("not-ready", WORKER)]


def with_status(status: dict[str, Any], *, name: str = NAME) -> tuple[Object, ...]:
    """Return the Deployments of a healthy stack, of which one has another status."""
    deployments = deployments_of(healthy())
    named(deployments, name)["status"] = status
    return deployments


def named(deployments: tuple[Object, ...], name: str) -> Object:
    """Return the Deployment of that name."""
    return next(deployment for deployment in deployments if deployment["metadata"]["name"] == name)


def short(*, for_s: float, **more: Any) -> dict[str, Any]:
    """Return the status of a Deployment without a ready pod."""
    message = "Deployment does not have minimum availability."
    available = {"type": "Available", "status": "False", "message": message, "lastTransitionTime": ago(for_s)}
    return {"replicas": 1, "unavailableReplicas": 1, "conditions": [available]} | more


def creating(*, for_s: float, warned: bool) -> Snapshot:
    """Return a snapshot with a pod that does not get beyond ContainerCreating."""
    worker = waiting(pod(), "ContainerCreating", "", for_s=for_s)
    events = [event(worker, "FailedMount", NO_SECRET, seconds_ago=2)] if warned else []
    return with_objects(with_pod(healthy(), worker, *events), deployments=with_status(short(for_s=for_s)))


def test_a_pod_whose_secret_is_gone_is_reported_with_the_kubelet_s_own_words() -> None:
    """`lab up` creates the Secret again."""
    finding = only(creating(for_s=60, warned=True))
    assert (finding.cause, finding.object, finding.do) == ("not-ready", WORKER, UP)
    assert f"FailedMount: {NO_SECRET}" in finding.found


def test_a_pod_without_warnings_may_take_longer() -> None:
    """A large image comes over a slow line for a minute. After some minutes the pod is reported all the same."""
    assert causes(creating(for_s=60, warned=False)) == []
    assert causes(creating(for_s=20, warned=True)) == []
    finding = only(creating(for_s=400, warned=False))
    assert (finding.cause, finding.object) == ("not-ready", WORKER)
    assert "containers with unready status: [process-worker]" in finding.found
    assert finding.do.startswith(f"kubectl -n {NAMESPACE} describe pod/")


@pytest.mark.parametrize("reason", [NO_VOLUME, "0/2 nodes are available: 1 node(s) exceed max volume count."])
def test_a_pod_without_a_node_is_reported_also_for_a_reason_that_no_rule_knows(reason: str) -> None:
    """The scheduler's message is the evidence."""
    finding = only(with_pod(healthy(), unplaced(pod(), reason)))
    assert (finding.cause, finding.object) == ("not-ready", WORKER)
    assert reason in finding.found
    assert diagnose(with_pod(healthy(), unplaced(pod(), reason, for_s=20))) == ()


@pytest.mark.parametrize("reason", sorted(STUCK_REASONS))
def test_a_container_that_cannot_start_is_always_reported(reason: str) -> None:
    """What it waits for does not come by waiting."""
    finding = only(with_pod(healthy(), waiting(pod(), reason, "the runtime's own words")))
    assert (finding.cause, finding.object) == ("not-ready", WORKER)
    assert finding.found.startswith(f"{reason}; the runtime's own words")


def test_a_pod_that_runs_and_does_not_become_ready_is_reported_after_what_its_startup_probe_allows() -> None:
    """That holds also where no event tells that a probe fails."""
    for seconds, expected in ((20, []), (90, NOT_READY)):
        worker = changed(pod(), ready=False, lastState={}, state={"running": {"startedAt": ago(seconds)}})
        assert causes_and_objects(with_pod(healthy(), worker)) == expected


def test_a_deployment_that_may_create_no_pods_is_reported_with_the_api_server_s_words() -> None:
    """A ServiceAccount is gone, so that no pod exists that could be judged."""
    message = POD + 'error looking up service account testbed/process-worker: serviceaccount "process-worker" not found'
    finding = only(refused(healthy(), message))
    assert (finding.cause, finding.object, finding.do) == ("not-ready", WORKER, UP)
    assert message in finding.found


def test_a_new_revision_that_may_create_no_pods_is_reported_while_the_old_one_runs() -> None:
    """All pods are ready, and none of them is of what was applied last."""
    message = POD + "admission webhook denied the request"
    failure = {"type": "ReplicaFailure", "status": "True", "reason": "FailedCreate", "message": message}
    for seconds, expected in ((10, []), (90, NOT_READY)):
        new = replica_set(f"{NAME}-77f6b9d4c", 2, conditions=[failure | {"lastTransitionTime": ago(seconds)}])
        snapshot = with_objects(healthy(), replica_sets=(replica_set(owner_of(pod()), 1), new))
        assert causes_and_objects(snapshot) == expected


def test_a_deployment_without_pods_is_reported() -> None:
    """Its condition is the evidence where there is no other. It is not reported while it may still be starting."""
    pods = pods_without(healthy(), NAME)
    for seconds, expected in ((60, []), (400, NOT_READY)):
        snapshot = with_objects(healthy(), pods=pods, deployments=with_status(short(for_s=seconds)))
        assert causes_and_objects(snapshot) == expected
    assert only(snapshot).found == "0 of 1 pods are ready; Deployment does not have minimum availability."


@pytest.mark.parametrize("change", [{"creationTimestamp": ago(1)}, {"generation": 2}], ids=["new", "changed"])
def test_a_deployment_that_was_just_applied_is_no_finding(change: dict[str, Any]) -> None:
    """The controller has had no time to create its pods, or to tell that they are missing."""
    deployments = with_status({"observedGeneration": 1})
    snapshot = with_objects(healthy(), pods=pods_without(healthy(), NAME), deployments=deployments)
    assert causes_and_objects(snapshot) == NOT_READY
    named(deployments, NAME)["metadata"] |= change
    assert causes_and_objects(with_objects(snapshot, deployments=deployments)) == []


def test_a_rollout_that_goes_on_is_no_finding() -> None:
    """The newest pod made progress a moment ago, although others are missing."""
    new = changed(pod(), ready=False, lastState={}, restartCount=0, state={"running": {"startedAt": ago(10)}})
    new["metadata"]["name"] += "-new"
    snapshot = with_objects(with_pod(healthy(), new), deployments=with_status(short(for_s=400, replicas=2)))
    assert diagnose(snapshot) == ()
    scaled_down = with_status({"replicas": 0}, name="simulator-amd64")
    named(scaled_down, "simulator-amd64")["spec"]["replicas"] = 0
    assert diagnose(with_objects(healthy(), deployments=scaled_down)) == ()


@pytest.mark.parametrize(
    "cause",
    ["pod-security", "quota-exceeded", "limit-range", "node-not-ready", "disk-pressure", "node-pressure",
     "volume-pins-pod", "no-node-fits", "image-not-there", "registry-unreachable", "wrong-architecture",
     "crash-at-start", "oom-kill", "probe-failing", "collector-configuration", "dns-failing"],
)  # fmt: skip
def test_a_deployment_is_short_of_pods_for_the_reason_that_was_found(cause: str) -> None:
    """It is not reported a second time, however long it lasts."""
    deployments = deployments_of(CASES[cause].snapshot)
    name = "otel-collector" if cause == "collector-configuration" else NAME
    affected = [deployment for deployment in deployments if deployment["metadata"]["name"].startswith(name)]
    assert affected
    for deployment in affected:
        conditions = deployment["status"].get("conditions", ())
        deployment["status"] = short(for_s=4_000)
        deployment["status"]["conditions"] += [each for each in conditions if each["type"] == "ReplicaFailure"]
    assert set(causes(with_objects(CASES[cause].snapshot, deployments=deployments))) == {cause}


def test_services_that_wait_for_their_store_are_explained_by_it() -> None:
    """This holds for services that have been started, not for a pod that cannot start."""
    away = store_probed(reachable=False, error="timed out")
    started = changed(pod(), ready=False, lastState={}, state={"running": {"startedAt": ago(300)}})
    assert causes(with_pod(away, started)) == ["redis-unreachable"]
    stuck = waiting(pod(), "ContainerCreating", "", for_s=60)
    snapshot = with_pod(away, stuck, event(stuck, "FailedMount", NO_SECRET, seconds_ago=2))
    assert causes(snapshot) == ["redis-unreachable", "not-ready"]


def test_a_pod_that_waits_for_an_unhealthy_node_is_explained_by_it() -> None:
    """The taint of the node keeps the pod away."""
    [_, board] = (dict(raw) for raw in CASES["node-pressure"].snapshot.objects.nodes)
    board["spec"] = board["spec"] | {"taints": [{"key": "node.kubernetes.io/memory-pressure", "effect": "NoSchedule"}]}
    worker = unplaced(pod(), "0/2 nodes are available: 1 node(s) had untolerated taint(s).")
    snapshot = with_objects(with_pod(healthy(), worker), nodes=(node("amd64"), board))
    assert causes_and_objects(snapshot) == [("node-pressure", "Node/r3")]


def test_a_pod_that_was_evicted_and_replaced_is_history() -> None:
    """Its ReplicaSet created another pod, which is healthy."""
    evicted = changed(pod(), ready=False, state={"terminated": {"exitCode": 137, "finishedAt": ago(60)}})
    evicted["metadata"]["name"] += "-gone"
    evicted["status"] |= {"phase": "Failed", "reason": "Evicted"}
    assert diagnose(with_pod(healthy(), evicted)) == ()


def test_an_event_that_is_no_warning_makes_no_pod_late() -> None:
    """The kubelet also tells of what goes well, such as a pull that it has begun."""
    worker = waiting(pod(), "ContainerCreating", "", for_s=60)
    pulling = event(worker, "Pulling", "Pulling image", seconds_ago=2) | {"type": "Normal"}
    assert diagnose(with_pod(healthy(), worker, pulling)) == ()
