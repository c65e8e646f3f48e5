"""Containers that crash or fail their probes, in their variants."""

import json

import pytest

from lab.diagnosis.rules.cluster.crashes import PROJECT_FILE
from lab.diagnosis.rules.evidence.tracebacks import BEGINNING, last_traceback
from tests.unit.diagnosis.builders import (
    NAMESPACE,
    changed,
    event,
    healthy,
    owner_of,
    pod,
    replica_set,
    with_objects,
    with_pod,
)
from tests.unit.diagnosis.cases import CASES
from tests.unit.diagnosis.findings import only


def test_an_old_revision_that_runs_is_gone_back_to() -> None:
    """That is quicker than a build. The newest ReplicaSet may be missing from the snapshot."""
    old = replica_set("process-worker-arm64-old", 9, readyReplicas=1)
    newest = replica_set(owner_of(pod()), 10, readyReplicas=0)
    for replica_sets in ((old, newest), (old,)):
        snapshot = with_objects(CASES["crash-at-start"].snapshot, replica_sets=replica_sets)
        assert only(snapshot).do == f"kubectl -n {NAMESPACE} rollout undo deployment/process-worker-arm64"


def test_a_traceback_inside_a_json_line_is_read() -> None:
    """The services log the exceptions that they catch in this form."""
    text = 'Traceback (most recent call last):\n  File "/app/a.py", line 7, in f\nValueError: no'
    traceback = last_traceback((json.dumps({"message": "stopped", "exception": text}),), project=PROJECT_FILE)
    assert traceback is not None
    assert (traceback.raised, traceback.file, traceback.line) == ("ValueError: no", "/app/a.py", 7)


@pytest.mark.parametrize(
    "raised",
    [
        "services.ledger.errors.StoreRolledBack: the epoch is 3, and was 4",
        "services.ledger.errors.BacklogFull",
        "lab.errors.Unavailable: no answer",
        "services.ledger.errors.LedgerMisuse: two writers",
        "KeyError: 'a: b'",
        "socket.gaierror: [Errno -2] Name or service not known",
        "StopIteration:",
    ],
)
def test_an_exception_is_read_whatever_its_name_ends_in(raised: str) -> None:
    """What stands below the frames without an indent is what was raised; later lines are of something else."""
    frame = ('  File "/app/a.py", line 7, in f', "    raise it", "    ^^^^^^^^")
    traceback = last_traceback((BEGINNING, *frame, raised, "bootstrap: ended"), project=PROJECT_FILE)
    assert traceback is not None
    assert (traceback.raised, traceback.file, traceback.line) == (raised, "/app/a.py", 7)


def test_a_dump_of_threads_is_no_part_of_a_traceback() -> None:
    """It has frames of its own, and nothing was raised there."""
    dump = ("Thread 0x00007f (most recent call first):", '  File "/app/a.py", line 7 in f')
    raised = (BEGINNING, '  File "/usr/lib/python3/x.py", line 3, in y', "ValueError: no")
    assert last_traceback(dump, project=PROJECT_FILE) is None
    traceback = last_traceback((*dump, *raised), project=PROJECT_FILE)
    assert traceback is not None
    assert traceback.file == "/usr/lib/python3/x.py"


@pytest.mark.parametrize(
    ("message", "words"),
    [
        ("Readiness probe failed: timeout: health rpc did not complete within 1s", ['timeoutSeconds","value":5']),
        ('Readiness probe failed: service unhealthy (responded with "NOT_SERVING")', ["lab status"]),
    ],
)
def test_a_probe_that_is_answered_too_late_or_by_not_serving(message: str, words: list[str]) -> None:
    """The kubelet's message tells one from the other."""
    worker = changed(pod(), ready=False, lastState={})
    finding = only(with_pod(healthy(), worker, event(worker, "Unhealthy", message)))
    assert all(word in finding.do for word in words), finding.do


def test_a_container_that_a_probe_ends_is_found_while_it_is_up() -> None:
    """Its liveness probe fails again and again."""
    message = 'Liveness probe failed: timeout: failed to connect service "198.18.12.7:8081" within 1s'
    killing = event(pod(), "Killing", "Container process-worker failed liveness probe, will be restarted")
    finding = only(with_pod(healthy(), pod(), event(pod(), "Unhealthy", message), killing))
    assert "its liveness probe fails" in finding.title
