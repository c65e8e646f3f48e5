"""Every rule finds its own cause, and stays silent about every other."""

import re
import shlex
import subprocess
from dataclasses import fields

import pytest

from lab.diagnosis.diagnose import diagnose
from lab.diagnosis.rules import RULES
from lab.snapshots.snapshot import Objects, Snapshot
from tests.unit.diagnosis.builders import (
    ago,
    changed,
    event,
    healthy,
    pod,
    respecified,
    unplaced,
    waiting,
    with_log,
    with_objects,
    with_pod,
    with_probes,
)
from tests.unit.diagnosis.cases import CASES, Case
from tests.unit.diagnosis.faulty import no_fresh_samples
from tests.unit.diagnosis.findings import causes

PLACEHOLDER = re.compile(r"<[a-z-]+>|\.\.\.|…|\bTODO\b|\bYOUR_")


def test_every_rule_has_a_case() -> None:
    """No case is left of a rule that is gone."""
    assert list(CASES) == list(RULES)


@pytest.mark.parametrize(("cause", "case"), CASES.items(), ids=CASES)
def test_a_rule_finds_its_cause(cause: str, case: Case) -> None:
    """It names the faulty object, the evidence and the next step."""
    first = next(iter(RULES[cause](case.snapshot)))
    assert (first.cause, first.object) == (cause, case.object)
    assert case.found in first.found
    assert case.do in first.do
    assert first.title
    assert first.why


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_the_next_step_can_be_pasted(case: Case) -> None:
    """It is one line that a shell parses, with nothing to fill in."""
    findings = diagnose(case.snapshot)
    assert findings
    for finding in findings:
        assert "\n" not in finding.do
        assert not PLACEHOLDER.search(finding.do), finding.do
        assert shlex.split(finding.do)
        parsed = subprocess.run(["bash", "-n", "-c", finding.do], capture_output=True, text=True, check=False)
        assert (parsed.returncode, parsed.stderr) == (0, "")


@pytest.mark.parametrize(("cause", "case"), CASES.items(), ids=CASES)
def test_every_other_rule_stays_silent(cause: str, case: Case) -> None:
    """Each rule finds its own fault alone."""
    others = {name: tuple(rule(case.snapshot)) for name, rule in RULES.items() if name != cause}
    assert {name: findings for name, findings in others.items() if findings} == {}


@pytest.mark.parametrize(("cause", "case"), CASES.items(), ids=CASES)
def test_a_diagnosis_names_the_cause_alone(cause: str, case: Case) -> None:
    """The consequences of the cause are left out."""
    assert set(causes(case.snapshot)) == {cause}


def creating() -> Snapshot:
    """Return a snapshot with a pod that was created a moment ago."""
    return with_pod(healthy(), waiting(pod(), "ContainerCreating", ""))


def placing() -> Snapshot:
    """Return a snapshot with a pod that the scheduler has just tried to place for the first time."""
    reason = "0/2 nodes are available: 2 node(s) didn't match Pod's node affinity/selector."
    return with_pod(healthy(), unplaced(pod(), reason, for_s=2))


def starting() -> Snapshot:
    """Return a snapshot with a new pod beside the old one. Its probes do not pass yet, its metric has not arrived."""
    new = pod()
    new["metadata"] |= {"name": "process-worker-arm64-77f6b9d4c-new01"}
    new = changed(new, ready=False, restartCount=0, lastState={}, state={"running": {"startedAt": ago(4)}})
    message = 'Startup probe failed: timeout: failed to connect service "198.18.12.9:8081" within 1s'
    return with_pod(healthy(), new, event(new, "Unhealthy", message, seconds_ago=2))


def starting_slowly() -> Snapshot:
    """Return a snapshot with an emulated node that takes a minute; the startup probe allows two."""
    new = respecified(pod(), startupProbe={"grpc": {"port": 8081}, "periodSeconds": 5, "failureThreshold": 24})
    new = changed(new, ready=False, restartCount=0, lastState={}, state={"running": {"startedAt": ago(70)}})
    return with_pod(healthy(), new, event(new, "Unhealthy", "Startup probe failed: timeout", seconds_ago=2))


def just_ready() -> Snapshot:
    """Return a snapshot with a pod that is ready for ten seconds, of which Prometheus has no sample."""
    new = pod()
    new["metadata"] |= {"name": "process-worker-arm64-77f6b9d4c-new01"}
    return with_pod(healthy(), changed(new, state={"running": {"startedAt": ago(10)}}))


def terminating() -> Snapshot:
    """Return a snapshot with an old pod that is terminating and answers its probes no more."""
    old = pod()
    old["metadata"] |= {"name": "process-worker-arm64-6b9d4c77f-old01", "deletionTimestamp": ago(3)}
    old = changed(old, ready=False)
    return with_pod(healthy(), old, event(old, "Unhealthy", "Readiness probe failed: connection refused"))


def recovered() -> Snapshot:
    """Return a snapshot with a healthy pod that logged errors when it started."""
    line = "redis 198.18.0.1:6379: Error 111 connecting to 198.18.0.1:6379. Connection refused."
    return with_log(healthy(), pod(), line, "Temporary failure in name resolution", *["serving"] * 6)


def warned() -> Snapshot:
    """Return a snapshot with a pod whose probe failed once, and that is ready again."""
    message = 'Readiness probe failed: service unhealthy (responded with "NOT_SERVING")'
    return with_pod(healthy(), pod(), event(pod(), "Unhealthy", message))


def unobserved() -> Snapshot:
    """Return a snapshot with nothing but what the API server returned."""
    empty = {"registries": (), "images": (), "processes": (), "clocks": ()}
    absent = {"store": None, "prometheus": None, "collector": None, "ledger": None}
    return with_probes(healthy(), **empty, **absent)


def refused_once() -> Snapshot:
    """Return a snapshot with a refusal in the collector's log, while samples arrive."""
    return no_fresh_samples('"error": "out of order sample"', newest_s=3.0)


@pytest.mark.parametrize(
    "snapshot",
    [
        healthy,
        creating,
        placing,
        starting,
        starting_slowly,
        just_ready,
        terminating,
        recovered,
        warned,
        unobserved,
        refused_once,
    ],
    ids=lambda make: make.__name__,
)
def test_a_cluster_that_is_well_has_no_finding(snapshot: object) -> None:
    """A cluster in the middle of a change has none, either."""
    assert callable(snapshot)
    assert diagnose(snapshot()) == ()


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_objects_without_content_break_no_rule(case: Case) -> None:
    """Everything but a name may be missing from what an API server returns."""
    names = [field.name for field in fields(Objects) if field.name != "namespace"]
    empty = {"metadata": {"name": "empty-0-0"}}
    more = {name: (*getattr(case.snapshot.objects, name), empty) for name in names}
    findings = diagnose(with_objects(case.snapshot, **more))
    assert case.object in {finding.object for finding in findings}


def test_a_volume_of_any_form_breaks_no_rule() -> None:
    """Its affinity may be by fields, by labels that exist, or by other labels than the host's name."""
    snapshot = CASES["volume-pins-pod"].snapshot
    [volume] = snapshot.objects.volumes
    [term] = volume["spec"]["nodeAffinity"]["required"]["nodeSelectorTerms"]
    rules = [
        {"key": "zone", "operator": "In", "values": ["eu"]},
        {"key": "disk", "operator": "Exists"},
        *term["matchExpressions"],
    ]
    terms = [{"matchFields": [{"key": "metadata.name"}]}, {"matchExpressions": rules}]
    affinity = {"nodeAffinity": {"required": {"nodeSelectorTerms": terms}}}
    [finding] = diagnose(with_objects(snapshot, volumes=({**volume, "spec": affinity},)))
    assert finding.title.endswith("is pinned by its volume to clus1")
