"""The newest event and the newest warning about a Deployment, in a few words."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import pytest

from lab.snapshots.kubernetes import Event, KubernetesObject, Pod
from lab.targets.kubernetes.rollout import events
from tests.unit.targets.kubernetes.samples import deployment, pod

Object = dict[str, Any]
NOW = datetime(2026, 11, 25, 2, 0, 20, tzinfo=UTC)
PULLED = 'Successfully pulled image "x" in 2.142s (2.2s including waiting)'
PULLED_FAST = 'Successfully pulled image "x" in 187ms (187ms including waiting)'
FAILED = "Back-off pulling\n image"


def event(reason: str, message: str = "", *, second: int = 15, name: str = "worker-1.1", **more: Any) -> Object:
    """Return an event about the pod `worker-1`."""
    about = {"involvedObject": {"kind": "Pod", "name": "worker-1", "uid": "worker-1"}, "type": "Normal", **more}
    at = f"2026-11-25T02:00:{second:02d}Z"
    return {"metadata": {"name": name}, "reason": reason, "message": message, "lastTimestamp": at, **about}


def newest_event(pods: Sequence[Object], recorded: Sequence[Object]) -> str:
    """Return the newest event about the Deployment, in a few words."""
    views = [Pod(raw) for raw in pods], [Event(raw) for raw in recorded]
    return events.newest_event(KubernetesObject(deployment()), *views, now=NOW)


def newest_warning(recorded: Sequence[Object]) -> str:
    """Return the newest warning about the Deployment, which has no pods."""
    return events.newest_warning(KubernetesObject(deployment()), [], [Event(raw) for raw in recorded])


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
def test_an_event_is_described_in_a_few_words(newest: Object, words: str) -> None:
    """With its duration or its age."""
    assert newest_event([pod()], [newest, event("Scheduled", second=10)]) == words


def test_events_of_one_second_are_in_order_of_their_names() -> None:
    """Their names contain nanoseconds; their times are whole seconds."""
    recorded = [event("Started", name="worker-1.18eb2ffe79f43b4f"), event("Pulled", name="worker-1.18eb2ffe6d06e54a")]
    assert newest_event([pod()], recorded) == "started"


def test_a_pod_that_cannot_be_created_is_reported_by_its_replica_set() -> None:
    """For example because of a quota. Events about the ReplicaSet of another Deployment are left out."""
    about = {"kind": "ReplicaSet", "name": "process-worker-arm64-7d9f", "uid": "r"}
    refused = event("FailedCreate", "exceeded quota", type="Warning", involvedObject=about)
    assert newest_event([], [refused]) == "FailedCreate 5 s ago: exceeded quota"
    assert newest_warning([refused]) == "FailedCreate: exceeded quota"
    of_another = {**refused, "involvedObject": {**about, "name": "process-worker-7d9f"}}
    assert newest_event([], [of_another]) == ""
    assert newest_warning([of_another, {**refused, "type": "Normal"}]) == ""


def test_a_pod_that_became_ready_is_newer_than_its_start() -> None:
    """A probe that failed before is no longer reported; a probe that fails afterwards is."""
    ready = pod()
    ready["metadata"]["creationTimestamp"] = "2026-11-25T02:00:00Z"
    ready["status"]["conditions"] = [
        {"type": "Ready", "status": "True", "lastTransitionTime": "2026-11-25T02:00:16Z"},
        {"type": "Initialized", "status": "True", "lastTransitionTime": "2026-11-25T02:00:19Z"},
    ]
    probe = event("Unhealthy", "Startup probe failed", type="Warning")
    assert newest_event([ready], [probe]) == "ready (16 s)"
    later = event("Unhealthy", "Readiness probe failed", second=18, type="Warning")
    assert newest_event([ready], [probe, later]) == "Unhealthy 2 s ago: Readiness probe failed"


def test_a_long_message_is_cut() -> None:
    """The table has to fit a terminal; `lab diagnose` shows the whole message."""
    words = newest_event([pod()], [event("Failed", "x" * 500, type="Warning")])
    assert (len(words), words[-1]) == (70, "…")
