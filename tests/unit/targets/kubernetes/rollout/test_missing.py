"""Every part of a stack that does not run is listed, pod by pod."""

from collections.abc import Iterable
from dataclasses import replace

from lab.model import ServiceStatus
from lab.targets.kubernetes.rollout.missing import missing_parts
from tests.unit.targets.kubernetes.samples import POD, row

CRASHED = replace(POD, ready=False, restarts=7, state="CrashLoopBackOff")


def only(parts: Iterable[ServiceStatus]) -> tuple[str, bool, str, str]:
    """Return name, health, node and detail of the only part."""
    [part] = parts
    return part.name, part.healthy, part.node, part.detail


def test_a_stack_that_runs_misses_nothing() -> None:
    """Neither does a stack whose old pods still drain."""
    terminating = replace(POD, name="worker-0", ready=False, state="Terminating")
    assert list(missing_parts([row(POD)])) == []
    assert list(missing_parts([replace(row(POD), pods=(POD, terminating))])) == []


def test_a_pod_that_is_not_ready_is_listed_with_state_and_node() -> None:
    """A pod that runs without being ready is listed as not ready."""
    words = "pod worker-1 on r3; CrashLoopBackOff; restarted 7 times"
    assert only(missing_parts([row(CRASHED)])) == ("process-worker", False, "r3", words)
    running = replace(POD, ready=False)
    assert only(missing_parts([row(running)]))[3] == "pod worker-1 on r3; not ready"
    waiting = replace(POD, ready=False, node="", state="Pending")
    assert only(missing_parts([row(waiting)]))[3] == "pod worker-1 on no node; Pending"


def test_a_deployment_without_pods_is_listed_with_its_warning() -> None:
    """Pods that cannot be created are listed nowhere else; neither are those of a Deployment scaled to zero."""
    refused = replace(row(POD), pods=(), ready=0, warning="FailedCreate: exceeded quota")
    words = "process-worker-arm64: no pod, 1 wanted; FailedCreate: exceeded quota"
    assert only(missing_parts([refused])) == ("process-worker", False, "", words)
    assert only(missing_parts([replace(refused, wanted=0, warning="")]))[3].endswith("no pod, 0 wanted")
    some = replace(row(POD), wanted=3)
    assert only(missing_parts([some]))[3] == "process-worker-arm64: 1 of 3 pods"
