"""A snapshot tells what counts of a cluster: pods, events, logs, Deployments."""

import math
from dataclasses import replace

from lab.snapshots.kubernetes import Pod
from lab.snapshots.snapshot import ContainerLog, Snapshot, by_workload, not_ready
from tests.unit.diagnosis.builders import (
    TAKEN_AT,
    ago,
    changed,
    event,
    healthy,
    owner_of,
    pod,
    replica_set,
    with_objects,
    with_pod,
)

WORKER = "Deployment/process-worker-arm64"


def names(snapshot: Snapshot) -> list[str]:
    """Return the names of the pods that count."""
    return [pod.name for pod in snapshot.pods]


def test_a_pod_that_is_going_away_does_not_count() -> None:
    """Nor a pod that is done."""
    deleted, done = pod(), pod("query-api", "amd64")
    deleted["metadata"]["deletionTimestamp"] = ago(1)
    done["status"]["phase"] = "Succeeded"
    snapshot = with_pod(with_pod(healthy(), deleted), done)
    assert len(names(snapshot)) == len(names(healthy())) - 2
    assert not {deleted["metadata"]["name"], done["metadata"]["name"]} & set(names(snapshot))


def test_a_pod_of_an_older_revision_counts_while_it_is_ready() -> None:
    """During a rollout it still serves; afterwards it is only in the way."""
    worker = pod()
    sets = (replica_set(owner_of(worker), 1), replica_set("process-worker-arm64-new", 2))
    serving = with_objects(healthy(), replica_sets=sets)
    assert worker["metadata"]["name"] in names(serving)
    assert worker["metadata"]["name"] not in names(with_pod(serving, changed(worker, ready=False)))


def test_the_newest_revision_of_a_deployment_is_a_number() -> None:
    """Revision 10 is newer than revision 9."""
    sets = (replica_set("a-new", 10), replica_set("a-old", 9))
    assert with_objects(healthy(), replica_sets=sets).newest_sets["Deployment/a"].name == "a-new"


def test_recent_events_come_newest_first() -> None:
    """Those of another reason, and those of long ago, are left out."""
    worker = pod()
    events = [
        event(worker, "Failed", "second", seconds_ago=60),
        event(worker, "Failed", "first", seconds_ago=5),
        event(worker, "Failed", "old", seconds_ago=3_600),
        event(worker, "BackOff", "other", seconds_ago=5),
    ]
    snapshot = with_pod(healthy(), worker, *events)
    about = f"Pod/{worker['metadata']['name']}"
    assert [recent.message for recent in snapshot.events(about, "Failed")] == ["first", "second"]


def test_a_time_that_is_not_known_is_long_ago() -> None:
    """So that nothing is recent without a time."""
    assert healthy().age_s("") == math.inf
    assert Snapshot("a", TAKEN_AT).age_s(ago(30)) == 30.0


def test_the_log_of_the_run_before_comes_first() -> None:
    """One container may be chosen, and each has a log for each of its runs."""
    name = pod()["metadata"]["name"]
    logs = (
        ContainerLog(name, "process-worker", ("again",)),
        ContainerLog(name, "process-worker", ("crash",), previous=True),
        ContainerLog(name, "bootstrap", ("done",)),
        ContainerLog("another-pod", "process-worker", ("other",)),
    )
    snapshot = replace(healthy(), logs=logs)
    assert snapshot.log(Pod(pod())) == ("crash", "again", "done")
    assert snapshot.log(Pod(pod()), "bootstrap") == ("done",)


def test_the_lab_repairs_what_it_applied() -> None:
    """By the name of a service, or of its Deployment for an architecture."""
    snapshot = healthy()
    assert snapshot.is_wanted(WORKER)
    assert snapshot.is_wanted("Deployment/process-worker")
    assert not snapshot.is_wanted("Deployment/somebody-elses")


def test_a_pod_is_meant_for_the_architecture_that_it_selects() -> None:
    """A pod that selects none is meant for that of its node; without a node, for none."""
    snapshot, worker = healthy(), pod()
    del worker["spec"]["nodeName"]
    assert snapshot.architecture(Pod(worker)) == "arm64"
    del worker["spec"]["nodeSelector"]
    assert snapshot.architecture(Pod(worker)) == ""
    assert snapshot.architecture(Pod(worker | {"spec": worker["spec"] | {"nodeName": "clus1"}})) == "amd64"


def test_pods_of_a_workload_that_are_not_ready_are_named() -> None:
    """A workload without pods has none."""
    snapshot = with_pod(healthy(), changed(pod(), ready=False))
    assert not_ready(snapshot, WORKER) == (f"Pod/{pod()['metadata']['name']}",)
    assert not_ready(snapshot, "Deployment/nobody") == ()
    assert {ref: len(pods) for ref, pods in by_workload(snapshot.pods).items()}[WORKER] == 1
