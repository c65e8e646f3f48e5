"""Every rule finds its cause, and stays silent about every other."""

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
from tests.unit.diagnosis.cases import CASES, Case, prometheus_says

PLACEHOLDER = re.compile(r"<[a-z-]+>|\.\.\.|…|\bTODO\b|\bYOUR_")


def test_every_rule_has_a_case() -> None:
    """And no case is left from a rule that is gone."""
    assert list(CASES) == list(RULES)


@pytest.mark.parametrize(("cause", "case"), CASES.items(), ids=CASES)
def test_a_rule_finds_its_cause(cause: str, case: Case) -> None:
    """With the object that has the fault, the evidence, and the next step."""
    first = next(iter(RULES[cause](case.snapshot)))
    assert (first.cause, first.object) == (cause, case.object)
    assert case.found in first.found
    assert case.do in first.do
    assert first.title
    assert first.why


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_the_next_step_can_be_pasted(case: Case) -> None:
    """One line that a shell parses, with nothing to fill in."""
    found = diagnose(case.snapshot)
    assert found
    for finding in found:
        assert "\n" not in finding.do
        assert not PLACEHOLDER.search(finding.do), finding.do
        assert shlex.split(finding.do)
        parsed = subprocess.run(["bash", "-n", "-c", finding.do], capture_output=True, text=True, check=False)
        assert (parsed.returncode, parsed.stderr) == (0, "")


@pytest.mark.parametrize(("cause", "case"), CASES.items(), ids=CASES)
def test_every_other_rule_stays_silent(cause: str, case: Case) -> None:
    """Each looks at its own fault alone."""
    others = {name: tuple(rule(case.snapshot)) for name, rule in RULES.items() if name != cause}
    assert {name: found for name, found in others.items() if found} == {}


@pytest.mark.parametrize(("cause", "case"), CASES.items(), ids=CASES)
def test_a_diagnosis_names_the_cause_alone(cause: str, case: Case) -> None:
    """Whatever follows from it is left out."""
    assert {finding.cause for finding in diagnose(case.snapshot)} == {cause}


def creating() -> Snapshot:
    """A pod that was made a moment ago."""
    return with_pod(healthy(), waiting(pod(), "ContainerCreating", ""))


def placing() -> Snapshot:
    """A pod that the scheduler has just looked at for the first time."""
    said = "0/2 nodes are available: 2 node(s) didn't match Pod's node affinity/selector."
    return with_pod(healthy(), unplaced(pod(), said, for_s=2))


def starting() -> Snapshot:
    """A new pod beside the old one, whose probes do not pass yet; its metric has had no time to arrive."""
    new = pod()
    new["metadata"] |= {"name": "process-worker-arm64-77f6b9d4c-new01"}
    new = changed(new, ready=False, restartCount=0, lastState={}, state={"running": {"startedAt": ago(4)}})
    said = 'Startup probe failed: timeout: failed to connect service "198.18.12.9:8081" within 1s'
    return with_pod(healthy(), new, event(new, "Unhealthy", said, seconds_ago=2))


def starting_slowly() -> Snapshot:
    """An emulated node takes a minute; the startup probe allows two."""
    new = respecified(pod(), startupProbe={"grpc": {"port": 8081}, "periodSeconds": 5, "failureThreshold": 24})
    new = changed(new, ready=False, restartCount=0, lastState={}, state={"running": {"startedAt": ago(70)}})
    return with_pod(healthy(), new, event(new, "Unhealthy", "Startup probe failed: timeout", seconds_ago=2))


def just_ready() -> Snapshot:
    """A pod that is ready for ten seconds, and of which Prometheus has not heard."""
    new = pod()
    new["metadata"] |= {"name": "process-worker-arm64-77f6b9d4c-new01"}
    return with_pod(healthy(), changed(new, state={"running": {"startedAt": ago(10)}}))


def leaving() -> Snapshot:
    """An old pod that is being deleted, and answers its probes no more."""
    old = pod()
    old["metadata"] |= {"name": "process-worker-arm64-6b9d4c77f-old01", "deletionTimestamp": ago(3)}
    old = changed(old, ready=False)
    return with_pod(healthy(), old, event(old, "Unhealthy", "Readiness probe failed: connection refused"))


def recovered() -> Snapshot:
    """What a pod that is well said when it started is history."""
    said = "redis 198.18.0.1:6379: Error 111 connecting to 198.18.0.1:6379. Connection refused."
    return with_log(healthy(), pod(), said, "Temporary failure in name resolution", *["serving"] * 6)


def warned() -> Snapshot:
    """A probe that failed once, while the pod is ready again."""
    said = 'Readiness probe failed: service unhealthy (responded with "NOT_SERVING")'
    return with_pod(healthy(), pod(), event(pod(), "Unhealthy", said))


def unobserved() -> Snapshot:
    """Nothing but what the API server says."""
    empty = {"registries": (), "images": (), "processes": (), "clocks": ()}
    absent = {"store": None, "prometheus": None, "collector": None, "ledger": None}
    return with_probes(healthy(), **empty, **absent)


def refused_once() -> Snapshot:
    """The collector's log has an old refusal, and samples arrive."""
    return prometheus_says('"error": "out of order sample"', newest_s=3.0)


@pytest.mark.parametrize(
    "snapshot",
    [
        healthy,
        creating,
        placing,
        starting,
        starting_slowly,
        just_ready,
        leaving,
        recovered,
        warned,
        unobserved,
        refused_once,
    ],
    ids=lambda make: make.__name__,
)
def test_a_cluster_that_is_well_has_no_finding(snapshot: object) -> None:
    """Nor has one that is in the middle of something."""
    assert callable(snapshot)
    assert diagnose(snapshot()) == ()


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_objects_that_say_nothing_break_no_rule(case: Case) -> None:
    """Everything but a name may be missing from what an API server returns."""
    names = [one.name for one in fields(Objects) if one.name != "namespace"]
    empty = {"metadata": {"name": "empty-0-0"}}
    more = {name: (*getattr(case.snapshot.objects, name), empty) for name in names}
    found = diagnose(with_objects(case.snapshot, **more))
    assert case.object in {one.object for one in found}
