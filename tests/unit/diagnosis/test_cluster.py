"""Nodes, namespaces and DNS in their variants."""

from dataclasses import replace

import pytest

from lab.analysis.clocks import is_off
from lab.diagnosis.diagnose import diagnose
from lab.model import NodeClock
from lab.snapshots.answers import ClockProbe
from lab.snapshots.snapshot import Snapshot
from tests.unit.diagnosis.builders import NAMESPACE, ago, healthy, node, pod, with_objects, with_probes
from tests.unit.diagnosis.cases import CASES
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
