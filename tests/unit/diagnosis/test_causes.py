"""Causes come before their consequences, and alone where they explain them."""

import copy

from lab.diagnosis.diagnose import diagnose
from lab.snapshots.snapshot import Snapshot
from tests.unit.diagnosis.builders import (
    NODES,
    Object,
    changed,
    crashing,
    event,
    healthy,
    owner_of,
    pod,
    replica_set,
    unplaced,
    waiting,
    with_log,
    with_objects,
    with_pod,
    with_probes,
)
from tests.unit.diagnosis.cases import CASES, WORKER
from tests.unit.diagnosis.faulty import exec_format_error, logging_exporter, no_fresh_samples, pull_fails, store_probed
from tests.unit.diagnosis.findings import causes, causes_and_objects


def worker_in(snapshot: Snapshot) -> Object:
    """Return a copy of the arm64 worker in a snapshot."""
    name = pod()["metadata"]["name"]
    return next(copy.deepcopy(dict(raw)) for raw in snapshot.objects.pods if raw["metadata"]["name"] == name)


def test_a_pod_that_cannot_be_pulled_explains_its_missing_metric() -> None:
    """The metrics of all services are missing, and one service has a cause of its own."""
    findings = diagnose(with_pod(no_fresh_samples(), worker_in(pull_fails(": not found"))))
    assert [finding.object for finding in findings if finding.cause == "image-not-there"] == [WORKER]
    assert WORKER not in {finding.object for finding in findings if finding.cause == "running-no-metrics"}


def test_a_collector_that_does_not_start_explains_every_missing_metric() -> None:
    """There is one finding, not five."""
    silent, broken = no_fresh_samples(), logging_exporter()
    snapshot = with_objects(silent, pods=broken.objects.pods, config_maps=broken.objects.config_maps)
    snapshot = with_log(snapshot, pod("otel-collector", "amd64"), *broken.logs[-1].lines)
    assert causes(snapshot) == ["collector-configuration"]


def test_a_node_that_is_gone_explains_its_pods() -> None:
    """Their probes fail, and their metrics do not arrive."""
    lost = changed(pod(), ready=False)
    unhealthy = event(lost, "Unhealthy", "Readiness probe failed: timeout")
    snapshot = with_pod(CASES["node-not-ready"].snapshot, lost, unhealthy)
    assert causes_and_objects(snapshot) == [("node-not-ready", f"Node/{NODES['arm64']}")]


def test_a_store_that_is_away_explains_services_that_end_over_it() -> None:
    """The services log that, and end with exit code 69."""
    worker = crashing(pod(), exit_code=69)
    snapshot = with_pod(store_probed(reachable=False, error="timed out"), worker)
    lines = ("process-worker: STORE_UNREACHABLE", "  redis 198.18.0.1:6379: timed out after 5 s")
    assert causes(with_log(snapshot, worker, *lines)) == ["redis-unreachable"]


def test_a_build_that_could_not_push_explains_the_missing_image() -> None:
    """The image is missing because nothing was pushed."""
    reference = "198.18.0.1:5000/process-worker:0.2.0"
    missing = pull_fails(f"{reference}: not found", reference=reference)
    failed = with_probes(missing, build_log=CASES["builder-plain-http"].snapshot.probes.build_log)
    assert causes(missing) == ["image-not-there"]
    assert causes(failed) == ["builder-plain-http"]


def test_pods_of_an_old_revision_count_only_while_they_are_well() -> None:
    """After a cure the broken pod stays until the new one is ready."""
    broken = CASES["no-node-fits"].snapshot
    old, new = replica_set(owner_of(pod()), 1), replica_set("process-worker-arm64-77f6b9d4c", 2)
    assert diagnose(with_objects(broken, replica_sets=(old,)))
    assert diagnose(with_objects(broken, replica_sets=(old, new))) == ()


def test_what_no_rule_knows_is_told_as_it_is() -> None:
    """A pod that cannot start is never passed over."""
    worker = waiting(pod(), "CreateContainerConfigError", 'secret "lab-redis" not found')
    [finding] = diagnose(with_pod(healthy(), worker))
    assert (finding.cause, finding.object) == ("not-ready", WORKER)
    assert 'secret "lab-redis" not found' in finding.found


def test_a_new_revision_that_fails_does_not_hide_what_the_old_one_lacks() -> None:
    """A finding about a failing pod explains only pods that are not ready."""
    new = crashing(pod(), exit_code=1)
    new["metadata"] |= {"name": "process-worker-arm64-77f6b9d4c-new01"}
    silent = with_probes(no_fresh_samples(), collector=None)
    snapshot = with_log(with_pod(silent, new), new, *CASES["crash-at-start"].snapshot.logs[-1].lines)
    of_worker = {finding.cause for finding in diagnose(snapshot) if finding.object == WORKER}
    assert of_worker == {"crash-at-start", "running-no-metrics"}


def test_causes_come_first() -> None:
    """Two independent faults come in the order in which they should be cured."""
    query_api = unplaced(pod("query-api", "amd64"), "0/2 nodes are available: 2 Insufficient memory.")
    assert causes(with_pod(exec_format_error(), query_api)) == ["no-node-fits", "wrong-architecture"]


def test_replicas_of_one_workload_are_one_finding() -> None:
    """Its object is their workload."""
    snapshot = exec_format_error()
    second = worker_in(snapshot)
    second["metadata"] |= {"name": "process-worker-arm64-5d9c7b8f6-twin1"}
    assert [finding.object for finding in diagnose(with_pod(snapshot, second))] == [WORKER]
