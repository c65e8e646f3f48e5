"""What no rule explains is told as it is: pods that wait too long, Deployments short of pods or gone."""

import copy
from dataclasses import replace
from typing import Any

import pytest

from lab.diagnosis.diagnose import diagnose
from lab.snapshots.probes import Denial
from lab.snapshots.snapshot import Snapshot
from tests.unit.diagnosis.builders import (
    NAMESPACE,
    Object,
    ago,
    changed,
    deployment,
    event,
    healthy,
    node,
    pod,
    refused,
    unplaced,
    waiting,
    with_objects,
    with_pod,
    with_probes,
)
from tests.unit.diagnosis.cases import CASES, POD, WORKER, store_says

NO_SECRET = 'MountVolume.SetUp failed for volume "serving" : secret "lab-serving" not found'
NO_VOLUME = "0/2 nodes are available: pod has unbound immediate PersistentVolumeClaims."
UP = f"lab up --target kubernetes --namespace {NAMESPACE} --force"
NAME = "process-worker-arm64"


def brief(snapshot: Snapshot) -> list[tuple[str, str]]:
    """Cause and object of every finding."""
    return [(one.cause, one.object) for one in diagnose(snapshot)]


def deployments(change: dict[str, Any], *, name: str = NAME) -> tuple[Object, ...]:
    """Deployments of a stack that is well, but for the status of one."""
    made = [copy.deepcopy(dict(one)) for one in healthy().objects.deployments]
    for one in made:
        if one["metadata"]["name"] == name:
            one["status"] = change
    return tuple(made)


def short(*, for_s: float, **more: Any) -> dict[str, Any]:
    """The status of a Deployment without a pod that is ready."""
    said = "Deployment does not have minimum availability."
    available = {"type": "Available", "status": "False", "message": said, "lastTransitionTime": ago(for_s)}
    return {"replicas": 1, "unavailableReplicas": 1, "conditions": [available]} | more


def creating(*, for_s: float, warned: bool) -> Snapshot:
    """A pod that does not get beyond ContainerCreating, and its Deployment."""
    made = waiting(pod(), "ContainerCreating", "", for_s=for_s)
    events = [event(made, "FailedMount", NO_SECRET, seconds_ago=2)] if warned else []
    return with_objects(with_pod(healthy(), made, *events), deployments=deployments(short(for_s=for_s)))


def test_a_pod_whose_secret_is_gone_is_told_with_the_kubelet_s_own_words() -> None:
    """`lab up` makes it again."""
    [found] = diagnose(creating(for_s=60, warned=True))
    assert (found.cause, found.object, found.do) == ("not-ready", WORKER, UP)
    assert f"FailedMount: {NO_SECRET}" in found.found


def test_what_nobody_complains_of_may_take_longer() -> None:
    """An image comes over a slow line for a minute; after some minutes that is told, too."""
    assert brief(creating(for_s=60, warned=False)) == []
    assert brief(creating(for_s=20, warned=True)) == []
    [found] = diagnose(creating(for_s=400, warned=False))
    assert (found.cause, found.object) == ("not-ready", WORKER)
    assert "containers with unready status: [process-worker]" in found.found
    assert found.do.startswith(f"kubectl -n {NAMESPACE} describe pod/")


@pytest.mark.parametrize("said", [NO_VOLUME, "0/2 nodes are available: 1 node(s) exceed max volume count."])
def test_a_pod_without_a_place_is_told_also_for_a_reason_that_no_rule_knows(said: str) -> None:
    """The scheduler's words are the evidence."""
    [found] = diagnose(with_pod(healthy(), unplaced(pod(), said)))
    assert (found.cause, found.object) == ("not-ready", WORKER)
    assert said in found.found
    assert diagnose(with_pod(healthy(), unplaced(pod(), said, for_s=20))) == ()


def test_a_pod_that_runs_and_does_not_get_ready_is_told_after_what_its_startup_probe_allows() -> None:
    """Also where no event says that a probe fails."""
    for seconds, causes in ((20, []), (90, [("not-ready", WORKER)])):
        made = changed(pod(), ready=False, lastState={}, state={"running": {"startedAt": ago(seconds)}})
        assert brief(with_pod(healthy(), made)) == causes


def test_a_deployment_that_may_make_no_pods_is_told_with_the_api_server_s_words() -> None:
    """A ServiceAccount is gone: no pod is there to look at."""
    said = POD + 'error looking up service account testbed/process-worker: serviceaccount "process-worker" not found'
    [found] = diagnose(refused(healthy(), said))
    assert (found.cause, found.object, found.do) == ("not-ready", WORKER, UP)
    assert said in found.found


def test_a_new_revision_that_may_make_no_pods_is_told_while_the_old_one_runs() -> None:
    """Everything is ready, and nothing that was applied comes about."""
    said = POD + "admission webhook denied the request"
    condition = {"type": "ReplicaFailure", "status": "True", "reason": "FailedCreate", "message": said}
    for seconds, causes in ((10, []), (90, [("not-ready", WORKER)])):
        sets = tuple(
            {
                "metadata": {"name": name, "annotations": {"deployment.kubernetes.io/revision": revision}},
                "status": {"conditions": [condition | {"lastTransitionTime": ago(seconds)}] if revision == "2" else []},
            }
            for name, revision in ((pod()["metadata"]["ownerReferences"][0]["name"], "1"), (f"{NAME}-77f6b9d4c", "2"))
        )
        assert brief(with_objects(healthy(), replica_sets=sets)) == causes


def test_a_deployment_whose_pods_nobody_makes_is_told() -> None:
    """By its condition, where nothing else is there; not while it may still be starting."""
    pods = tuple(one for one in healthy().objects.pods if not one["metadata"]["name"].startswith(NAME))
    for seconds, causes in ((60, []), (400, [("not-ready", WORKER)])):
        here = with_objects(healthy(), pods=pods, deployments=deployments(short(for_s=seconds)))
        assert brief(here) == causes
    [found] = diagnose(here)
    assert found.found == "0 of 1 pods are ready; Deployment does not have minimum availability."


@pytest.mark.parametrize("change", [{"creationTimestamp": ago(1)}, {"generation": 2}], ids=["new", "changed"])
def test_a_deployment_that_was_just_applied_is_no_finding(change: dict[str, Any]) -> None:
    """Nobody has had the time to make its pods, or to say that they are not there."""
    pods = tuple(one for one in healthy().objects.pods if not one["metadata"]["name"].startswith(NAME))
    made = deployments({"observedGeneration": 1})
    assert brief(with_objects(healthy(), pods=pods, deployments=made)) == [("not-ready", WORKER)]
    next(one for one in made if one["metadata"]["name"] == NAME)["metadata"] |= change
    assert brief(with_objects(healthy(), pods=pods, deployments=made)) == []


def test_a_rollout_that_goes_on_is_no_finding() -> None:
    """The newest pod has come forward a moment ago, whatever is not there yet."""
    new = changed(pod(), ready=False, lastState={}, restartCount=0, state={"running": {"startedAt": ago(10)}})
    new["metadata"]["name"] += "-new"
    here = with_objects(with_pod(healthy(), new), deployments=deployments(short(for_s=400, replicas=2)))
    assert diagnose(here) == ()
    asked = deployments({"replicas": 0}, name="simulator-amd64")
    next(one for one in asked if one["metadata"]["name"] == "simulator-amd64")["spec"]["replicas"] = 0
    assert diagnose(with_objects(healthy(), deployments=asked)) == ()


@pytest.mark.parametrize(
    "cause",
    ["pod-security", "quota-exceeded", "limit-range", "node-not-ready", "disk-pressure", "node-pressure",
     "volume-pins-pod", "no-node-fits", "image-not-there", "registry-unreachable", "wrong-architecture",
     "crash-at-start", "oom-kill", "probe-failing", "collector-configuration", "dns-failing"],
)  # fmt: skip
def test_a_deployment_is_short_of_pods_for_the_reason_that_was_found(cause: str) -> None:
    """However long it has been: it is not told a second time."""
    here = CASES[cause].snapshot
    made = [copy.deepcopy(dict(one)) for one in here.objects.deployments]
    name = "otel-collector" if cause == "collector-configuration" else NAME
    affected = [one for one in made if one["metadata"]["name"].startswith(name)]
    assert affected
    for one in affected:
        refusal = [each for each in one["status"].get("conditions", ()) if each["type"] == "ReplicaFailure"]
        one["status"] = short(for_s=4_000)
        one["status"]["conditions"] += refusal
    assert {cause for cause, _ in brief(with_objects(here, deployments=tuple(made)))} == {cause}


def test_services_that_wait_for_their_store_are_explained_by_it() -> None:
    """They have been started; a pod that was not is another matter."""
    away = store_says(reachable=False, error="timed out")
    made = changed(pod(), ready=False, lastState={}, state={"running": {"startedAt": ago(300)}})
    assert [cause for cause, _ in brief(with_pod(away, made))] == ["redis-unreachable"]
    stuck = waiting(pod(), "ContainerCreating", "", for_s=60)
    here = with_pod(away, stuck, event(stuck, "FailedMount", NO_SECRET, seconds_ago=2))
    assert [cause for cause, _ in brief(here)] == ["redis-unreachable", "not-ready"]


def test_a_pod_that_waits_for_a_node_that_is_unwell_is_explained_by_it() -> None:
    """Its taint keeps the pod away."""
    board = next(copy.deepcopy(dict(one)) for one in CASES["node-pressure"].snapshot.objects.nodes[1:])
    board["spec"]["taints"] = [{"key": "node.kubernetes.io/memory-pressure", "effect": "NoSchedule"}]
    made = unplaced(pod(), "0/2 nodes are available: 1 node(s) had untolerated taint(s).")
    here = with_objects(with_pod(healthy(), made), nodes=(node("amd64"), board))
    assert brief(here) == [("node-pressure", "Node/r3")]


def test_a_pod_that_was_evicted_and_replaced_is_history() -> None:
    """Its ReplicaSet made another one, which is well."""
    gone = changed(pod(), ready=False, state={"terminated": {"exitCode": 137, "finishedAt": ago(60)}})
    gone["metadata"]["name"] += "-gone"
    gone["status"] |= {"phase": "Failed", "reason": "Evicted"}
    assert diagnose(with_pod(healthy(), gone)) == ()


def labelled(**lists: Any) -> Snapshot:
    """A stack as the lab applies it, of which something is left."""
    labels = {"lab.observability/stack": "lab"}
    kept = {"metadata": {"name": "lab-settings-5g7h", "labels": labels, "creationTimestamp": ago(900)}}
    return with_objects(healthy(), **({"config_maps": (kept,)} | lists))


@pytest.mark.parametrize("name", ["query-api-amd64", "query-api-arm64", "process-worker-arm64"])
def test_a_deployment_that_somebody_deleted_is_told(name: str) -> None:
    """The rest of a stack on two architectures is there."""
    query = [one for one in healthy().wanted if one.service == "query-api"]
    there = (*healthy().objects.deployments, deployment("query-api", "arm64"))
    kept = tuple(one for one in there if one["metadata"]["name"] != name)
    pods = tuple(one for one in healthy().objects.pods if not one["metadata"]["name"].startswith(name))
    here = labelled(deployments=kept, pods=pods)
    [found] = diagnose(replace(here, wanted=(*here.wanted, *(replace(one, architecture="arm64") for one in query))))
    assert (found.cause, found.object, found.do) == ("not-deployed", f"Deployment/{name}", UP)


def test_a_stack_of_which_only_settings_are_left_is_told() -> None:
    """In one finding, since it is one deed."""
    [found] = diagnose(labelled(deployments=(), pods=()))
    assert (found.cause, found.object, found.do) == ("not-deployed", f"Namespace/{NAMESPACE}", UP)


def test_what_was_never_deployed_is_not_missed() -> None:
    """A namespace without a stack, one where it is just applied, a stack on one of the architectures in the lock."""
    assert diagnose(with_objects(healthy(), deployments=(), pods=(), config_maps=())) == ()
    fresh = {"metadata": {"name": "s", "labels": {"lab.observability/stack": "lab"}, "creationTimestamp": ago(3)}}
    assert diagnose(with_objects(healthy(), deployments=(), pods=(), config_maps=(fresh,))) == ()
    stack = labelled()
    locked = tuple(replace(one, architecture="riscv64") for one in stack.wanted)
    assert diagnose(replace(stack, wanted=(*stack.wanted, *locked))) == ()


def test_a_stack_of_which_one_architecture_alone_handles_events_is_whole() -> None:
    """Every service has one Deployment, and the lock has images for two."""
    without = "process-worker-amd64"
    kept = tuple(one for one in healthy().objects.deployments if one["metadata"]["name"] != without)
    pods = tuple(one for one in healthy().objects.pods if not one["metadata"]["name"].startswith(without))
    here = labelled(deployments=kept, pods=pods)
    both = {(one.service, arch): replace(one, architecture=arch) for one in here.wanted for arch in ("amd64", "arm64")}
    assert diagnose(replace(here, wanted=tuple(both.values()))) == ()


def test_deployments_that_may_not_be_listed_are_not_called_gone() -> None:
    """What is forbidden is the finding."""
    denied = (Denial("list", "deployments", NAMESPACE, "apps", "lab-user"),)
    here = with_probes(labelled(deployments=(), pods=()), denials=denied)
    assert [cause for cause, _ in brief(here)] == ["forbidden"]


def test_process_ids_run_out_too() -> None:
    """By the same rule; of a node that nobody needs it is nobody's fault."""
    board = node("arm64")
    few = {"type": "PIDPressure", "status": "True", "reason": "KubeletHasInsufficientPID"}
    board["status"]["conditions"].append(few)
    here = with_objects(healthy(), nodes=(node("amd64"), board))
    [found] = diagnose(here)
    assert (found.cause, "process ids" in found.title) == ("node-pressure", True)
    elsewhere = tuple(one for one in healthy().objects.pods if one["spec"]["nodeName"] != "r3")
    wanted = tuple(one for one in here.wanted if one.architecture == "amd64")
    assert diagnose(replace(with_objects(here, pods=elsewhere), wanted=wanted)) == ()
