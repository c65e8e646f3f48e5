"""What the cluster's events say of a Deployment."""

from datetime import UTC, datetime
from typing import Any

import pytest

from lab.targets.kubernetes.rollout.events import latest, trouble
from tests.unit.targets.test_rollout import deployment, pod

NOW = datetime(2026, 11, 25, 2, 0, 20, tzinfo=UTC)
PULLED = 'Successfully pulled image "x" in 2.142s (2.2s including waiting)'
PULLED_FAST = 'Successfully pulled image "x" in 187ms (187ms including waiting)'
FAILED = "Back-off pulling\n image"


def event(reason: str, message: str = "", *, second: int = 15, name: str = "worker-1.1", **more: Any) -> dict[str, Any]:
    """An event about the pod `worker-1`."""
    about = {"involvedObject": {"kind": "Pod", "name": "worker-1", "uid": "worker-1"}, "type": "Normal", **more}
    at = f"2026-11-25T02:00:{second:02d}Z"
    return {"metadata": {"name": name}, "reason": reason, "message": message, "lastTimestamp": at, **about}


@pytest.mark.parametrize(
    ("newest", "words"),
    [
        (event("Pulling", 'Pulling image "x"'), "pulling (5 s)"),
        (event("Pulled", PULLED), "pulled (2.1 s)"),
        (event("Pulled", PULLED_FAST), "pulled (0.2 s)"),
        (event("Pulled", 'Container image "x" already present on machine'), "pulled"),
        (event("SandboxChanged"), "sandbox changed"),
        (event("BackOff", FAILED, type="Warning"), "BackOff 5 s ago: Back-off pulling image"),
    ],
    ids=["pulling", "pulled", "pulled-fast", "was-there", "other", "warning"],
)
def test_an_event_is_told_in_a_few_words(newest: dict[str, Any], words: str) -> None:
    """With how long it takes or took."""
    assert latest(deployment(), [pod()], [newest, event("Scheduled", second=10)], now=NOW) == words


def test_events_of_one_second_are_in_order_of_their_names() -> None:
    """Which hold the nanoseconds, while their times are whole seconds."""
    events = [event("Started", name="worker-1.18eb2ffe79f43b4f"), event("Pulled", name="worker-1.18eb2ffe6d06e54a")]
    assert latest(deployment(), [pod()], events, now=NOW) == "started"


def test_a_pod_that_cannot_be_made_is_told_by_what_makes_it() -> None:
    """A quota, for example, speaks of the ReplicaSet; another Deployment's is another's."""
    about = {"kind": "ReplicaSet", "name": "process-worker-arm64-7d9f", "uid": "r"}
    refused = event("FailedCreate", "exceeded quota", type="Warning", involvedObject=about)
    assert latest(deployment(), [], [refused], now=NOW) == "FailedCreate 5 s ago: exceeded quota"
    assert trouble(deployment(), [], [refused]) == "FailedCreate: exceeded quota"
    others = {**refused, "involvedObject": {**about, "name": "process-worker-7d9f"}}
    assert latest(deployment(), [], [others], now=NOW) == ""
    assert trouble(deployment(), [], [others, {**refused, "type": "Normal"}]) == ""


def test_a_pod_that_became_ready_has_left_its_start_behind() -> None:
    """A probe that failed before is news no longer; one that fails later is."""
    ready = pod()
    ready["metadata"]["creationTimestamp"] = "2026-11-25T02:00:00Z"
    ready["status"]["conditions"] = [
        {"type": "Ready", "status": "True", "lastTransitionTime": "2026-11-25T02:00:16Z"},
        {"type": "Initialized", "status": "True", "lastTransitionTime": "2026-11-25T02:00:19Z"},
    ]
    probe = event("Unhealthy", "Startup probe failed", type="Warning")
    assert latest(deployment(), [ready], [probe], now=NOW) == "ready (16 s)"
    later = event("Unhealthy", "Readiness probe failed", second=18, type="Warning")
    assert latest(deployment(), [ready], [probe, later], now=NOW) == "Unhealthy 2 s ago: Readiness probe failed"


def test_a_long_message_is_cut() -> None:
    """The table is read on a terminal; `lab diagnose` says all of it."""
    words = latest(deployment(), [pod()], [event("Failed", "x" * 500, type="Warning")], now=NOW)
    assert (len(words), words[-1]) == (70, "…")
