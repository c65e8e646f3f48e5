"""What of a stack does not run is told, pod by pod."""

from dataclasses import replace

from lab.model import ServiceStatus
from lab.targets.kubernetes.rollout.missing import missing_parts
from tests.unit.targets.test_identity import POD, row

CRASHED = replace(POD, ready=False, restarts=7, doing="CrashLoopBackOff")


def only(found: list[ServiceStatus]) -> tuple[str, bool, str, str]:
    """The one that there is: name, health, node, words."""
    [one] = found
    return one.name, one.healthy, one.node, one.detail


def test_a_stack_that_runs_has_none() -> None:
    """Neither has one whose pods of before still drain."""
    leaving = replace(POD, name="worker-0", ready=False, doing="Terminating")
    assert list(missing_parts([row(POD)])) == []
    assert list(missing_parts([replace(row(POD), pods=(POD, leaving))])) == []


def test_a_pod_that_is_not_ready_says_what_it_does_and_where() -> None:
    """As the rollout would; one that only runs is not ready all the same."""
    words = "pod worker-1 on r3; CrashLoopBackOff; restarted 7 times"
    assert only(list(missing_parts([row(CRASHED)]))) == ("process-worker", False, "r3", words)
    running = replace(POD, ready=False)
    assert only(list(missing_parts([row(running)])))[3] == "pod worker-1 on r3; not ready"
    waiting = replace(POD, ready=False, node="", doing="Pending")
    assert only(list(missing_parts([row(waiting)])))[3] == "pod worker-1 on no node; Pending"


def test_a_deployment_without_pods_is_told_with_its_trouble() -> None:
    """Pods that nobody may make are nowhere else to be seen; neither are those of one scaled to nothing."""
    refused = replace(row(POD), pods=(), ready=0, trouble="FailedCreate: exceeded quota")
    words = "process-worker-arm64: no pod, 1 wanted; FailedCreate: exceeded quota"
    assert only(list(missing_parts([refused]))) == ("process-worker", False, "", words)
    assert only(list(missing_parts([replace(refused, wanted=0, trouble="")])))[3].endswith("no pod, 0 wanted")
    some = replace(row(POD), wanted=3)
    assert only(list(missing_parts([some])))[3] == "process-worker-arm64: 1 of 3 pods"
