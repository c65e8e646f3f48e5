"""Nodes, namespaces and DNS in their variants."""

import json
from dataclasses import replace

import pytest

from lab.analysis.clocks import is_off
from lab.diagnosis.diagnose import diagnose
from lab.model import NodeClock
from lab.snapshots.answers import ClockProbe
from lab.snapshots.snapshot import Snapshot
from tests.unit.diagnosis.builders import (
    NAMESPACE,
    ago,
    crashing,
    healthy,
    node,
    pod,
    with_log,
    with_objects,
    with_pod,
    with_probes,
)
from tests.unit.diagnosis.cases import CASES, LOOKUP
from tests.unit.diagnosis.findings import causes, only


def without_boards(snapshot: Snapshot) -> Snapshot:
    """Return a snapshot in which nothing runs on the arm64 node, or should."""
    pods = tuple(raw for raw in snapshot.objects.pods if raw["spec"].get("nodeName") != "r3")
    wanted = tuple(wanted for wanted in snapshot.wanted if wanted.architecture == "amd64")
    return replace(with_objects(snapshot, pods=pods), wanted=wanted)


def test_a_board_that_is_switched_off_and_not_needed_is_no_fault() -> None:
    """A cluster may have more nodes than a lab uses."""
    assert diagnose(without_boards(CASES["node-not-ready"].snapshot)) == ()


def test_process_ids_run_out_too() -> None:
    """The same rule finds it, also only on nodes that are needed."""
    board = node("arm64")
    few = {"type": "PIDPressure", "status": "True", "reason": "KubeletHasInsufficientPID"}
    board["status"]["conditions"].append(few)
    snapshot = with_objects(healthy(), nodes=(node("amd64"), board))
    finding = only(snapshot)
    assert (finding.cause, "process ids" in finding.title) == ("node-pressure", True)
    assert diagnose(without_boards(snapshot)) == ()


@pytest.mark.parametrize(("offset_s", "is_fault"), [(0.26, False), (-0.26, False), (0.28, True), (-0.28, True)])
def test_a_clock_is_wrong_by_the_measure_of_a_run(offset_s: float, *, is_fault: bool) -> None:
    """What makes no run INVALID is no fault: 0.25 s beside the error of the measurement."""
    snapshot = with_probes(healthy(), clocks=(ClockProbe("r3", offset_s, 0.02),))
    assert causes(snapshot) == (["clock-skew"] if is_fault else [])
    assert is_off(NodeClock("r3", offset_s, 0.02, 8)) is is_fault


def test_a_namespace_disappears_no_sooner_than_its_pods_may_end() -> None:
    """Their grace period is as long as a service may drain."""
    deleted = {"metadata": {"name": NAMESPACE, "deletionTimestamp": ago(80)}, "status": {"phase": "Terminating"}}

    def with_grace(seconds: int) -> Snapshot:
        ending = pod()
        ending["spec"]["terminationGracePeriodSeconds"] = seconds
        return replace(with_objects(healthy(), namespace=deleted, pods=(ending,), deployments=()), logs=())

    assert diagnose(with_grace(75)) == ()
    assert only(with_grace(20)).cause == "namespace-terminating"


def test_a_policy_that_blocks_dns_is_the_cause() -> None:
    """The names are right, and the packets do not leave."""
    policy = {"metadata": {"name": "default-deny"}, "spec": {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}}
    finding = only(with_objects(CASES["dns-failing"].snapshot, network_policies=(policy,)))
    assert (finding.object, '"port":53' in finding.do) == ("NetworkPolicy/default-deny", True)


@pytest.mark.parametrize(
    ("selector", "blocks"),
    [
        ({"matchLabels": {"app.kubernetes.io/name": "process-worker"}}, True),
        ({"matchLabels": {"app.kubernetes.io/name": "query-api"}}, False),
        ({"matchExpressions": [{"key": "kubernetes.io/arch", "operator": "In", "values": ["arm64"]}]}, True),
        ({"matchExpressions": [{"key": "kubernetes.io/arch", "operator": "NotIn", "values": ["arm64"]}]}, False),
        ({"matchExpressions": [{"key": "kubernetes.io/arch", "operator": "Exists"}]}, True),
        ({"matchExpressions": [{"key": "kubernetes.io/arch", "operator": "DoesNotExist"}]}, False),
    ],
)
def test_a_policy_blocks_only_the_pods_that_it_selects(selector: dict[str, object], *, blocks: bool) -> None:
    """The step allows DNS to the same pods: a policy for all would cut the others off from everything else."""
    policy = {"metadata": {"name": "deny"}, "spec": {"podSelector": selector, "policyTypes": ["Egress"]}}
    finding = only(with_objects(CASES["dns-failing"].snapshot, network_policies=(policy,)))
    assert finding.object == ("NetworkPolicy/deny" if blocks else "Deployment/coredns")
    assert (json.dumps(selector, separators=(",", ":")) in finding.do) is blocks


def test_another_policy_may_allow_dns_to_a_pod() -> None:
    """What several policies allow adds up, as far as they select the pod."""
    deny = {"metadata": {"name": "deny"}, "spec": {"podSelector": {}, "policyTypes": ["Egress"]}}

    def allow(service: str) -> dict[str, object]:
        selector = {"matchLabels": {"app.kubernetes.io/name": service}}
        egress = [{"ports": [{"protocol": "UDP", "port": 53}]}]
        spec = {"podSelector": selector, "policyTypes": ["Egress"], "egress": egress}
        return {"metadata": {"name": f"allow-{service}"}, "spec": spec}

    snapshot = CASES["dns-failing"].snapshot
    allowed = with_objects(snapshot, network_policies=(deny, allow("process-worker")))
    assert only(allowed).object == "Deployment/coredns"
    others = with_objects(snapshot, network_policies=(deny, allow("query-api")))
    assert only(others).object == "NetworkPolicy/deny"


def test_a_policy_is_not_blamed_where_a_pod_fails_that_it_does_not_select() -> None:
    """DNS itself fails then."""
    selector = {"matchLabels": {"app.kubernetes.io/name": "process-worker"}}
    policy = {"metadata": {"name": "deny"}, "spec": {"podSelector": selector, "policyTypes": ["Egress"]}}
    snapshot = with_objects(CASES["dns-failing"].snapshot, network_policies=(policy,))
    other = crashing(pod("query-api", "amd64"), exit_code=69)
    snapshot = with_log(with_pod(snapshot, other), other, LOOKUP)
    assert only(snapshot).object == "Deployment/coredns"
