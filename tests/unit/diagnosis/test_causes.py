"""Causes come before what follows from them, and alone where they explain it."""

import copy

from lab.diagnosis.diagnose import diagnose
from lab.snapshots.kubernetes import Raw
from tests.unit.diagnosis.builders import (
    NODES,
    changed,
    crashing,
    event,
    healthy,
    pod,
    unplaced,
    waiting,
    with_log,
    with_objects,
    with_pod,
    with_probes,
)
from tests.unit.diagnosis.cases import (
    CASES,
    WORKER,
    exec_format_error,
    logging_exporter,
    prometheus_says,
    pull_fails,
    store_says,
)


def test_a_pod_that_cannot_be_pulled_explains_its_missing_metric() -> None:
    """Two services are silent; one of them has a reason already."""
    broken = next(dict(one) for one in pull_fails(": not found").objects.pods if name_of(one) == name_of(pod()))
    found = diagnose(with_pod(prometheus_says(), broken))
    assert [one.object for one in found if one.cause == "image-not-there"] == [WORKER]
    assert WORKER not in {one.object for one in found if one.cause == "running-no-metrics"}


def test_a_collector_that_does_not_start_explains_every_missing_metric() -> None:
    """One finding, not five."""
    silent = prometheus_says()
    broken = logging_exporter()
    here = with_objects(silent, pods=broken.objects.pods, config_maps=broken.objects.config_maps)
    here = with_log(here, pod("otel-collector", "amd64"), *broken.logs[-1].lines)
    assert [one.cause for one in diagnose(here)] == ["collector-configuration"]


def test_a_node_that_is_gone_explains_its_pods() -> None:
    """Their probes fail, and nothing of theirs arrives."""
    lost = changed(pod(), ready=False)
    here = with_pod(CASES["node-not-ready"].snapshot, lost, event(lost, "Unhealthy", "Readiness probe failed: timeout"))
    assert [(one.cause, one.object) for one in diagnose(here)] == [("node-not-ready", f"Node/{NODES['arm64']}")]


def test_a_store_that_is_away_explains_services_that_end_over_it() -> None:
    """They say so themselves, with exit code 69."""
    made = crashing(pod(), exit_code=69)
    here = with_pod(store_says(reachable=False, error="timed out"), made)
    here = with_log(here, made, "process-worker: STORE_UNREACHABLE", "  redis 198.18.0.1:6379: timed out after 5 s")
    assert [one.cause for one in diagnose(here)] == ["redis-unreachable"]


def test_a_build_that_could_not_push_explains_the_missing_image() -> None:
    """Nothing was pushed."""
    reference = "198.18.0.1:5000/process-worker:0.2.0"
    missing = pull_fails(f"{reference}: not found", reference=reference)
    failed = with_probes(missing, build_log=CASES["builder-plain-http"].snapshot.probes.build_log)
    assert [one.cause for one in diagnose(missing)] == ["image-not-there"]
    assert [one.cause for one in diagnose(failed)] == ["builder-plain-http"]


def test_pods_of_an_old_revision_count_only_while_they_are_well() -> None:
    """After a cure the broken pod stays until the new one is ready."""
    broken = CASES["no-node-fits"].snapshot
    name = pod()["metadata"]["ownerReferences"][0]["name"]
    sets = tuple(
        {"metadata": {"name": one, "annotations": {"deployment.kubernetes.io/revision": revision}}}
        for one, revision in ((name, "1"), ("process-worker-arm64-77f6b9d4c", "2"))
    )
    assert diagnose(with_objects(broken, replica_sets=sets[:1]))
    assert diagnose(with_objects(broken, replica_sets=sets)) == ()


def test_what_no_rule_knows_is_told_as_it_is() -> None:
    """A pod that cannot start is never passed over."""
    made = waiting(pod(), "CreateContainerConfigError", 'secret "lab-redis" not found')
    found = diagnose(with_pod(healthy(), made))
    assert [(one.cause, one.object) for one in found] == [("not-ready", WORKER)]
    assert 'secret "lab-redis" not found' in found[0].found


def test_a_new_revision_that_fails_does_not_hide_what_the_old_one_lacks() -> None:
    """Only pods that are not well are explained."""
    new = crashing(pod(), exit_code=1)
    new["metadata"] |= {"name": "process-worker-arm64-77f6b9d4c-new01"}
    silent = with_probes(prometheus_says(), collector=None)
    here = with_log(with_pod(silent, new), new, *CASES["crash-at-start"].snapshot.logs[-1].lines)
    causes = {one.cause for one in diagnose(here) if one.object == WORKER}
    assert causes == {"crash-at-start", "running-no-metrics"}


def test_causes_come_first() -> None:
    """Two faults that have nothing to do with each other, in the order in which they should be cured."""
    said = "0/2 nodes are available: 2 Insufficient memory."
    here = with_pod(exec_format_error(), unplaced(pod("query-api", "amd64"), said))
    assert [one.cause for one in diagnose(here)] == ["no-node-fits", "wrong-architecture"]


def test_replicas_of_one_workload_are_one_finding() -> None:
    """Its object is what made them."""
    here = exec_format_error()
    second = next(copy.deepcopy(dict(one)) for one in here.objects.pods if name_of(one) == name_of(pod()))
    second["metadata"] |= {"name": "process-worker-arm64-5d9c7b8f6-twin1"}
    assert [one.object for one in diagnose(with_pod(here, second))] == [WORKER]


def name_of(thing: Raw) -> str:
    """The name of an object."""
    return str(thing["metadata"]["name"])
