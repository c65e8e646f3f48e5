"""An error that only says what failed gets the cause that a snapshot shows."""

import shlex
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from lab.diagnosis.diagnose import diagnose
from lab.errors import BadConfig, Unavailable
from lab.snapshots.files import load
from lab.snapshots.snapshot import Moment, Snapshot
from lab.trials.explain import FILE_NAME, explained
from tests.unit.diagnosis.builders import HOST, healthy, pod_name
from tests.unit.diagnosis.cases import CASES
from tests.unit.diagnosis.local_cases import LOCAL_CASES

ERROR = Unavailable("process-worker-arm64 is not well", found="3 of 4", next_step="lab diagnose", code="E_ROLLOUT")


@dataclass
class Kept:
    """A source that returns one snapshot."""

    snapshot: Snapshot | None

    def take(self, moment: Moment = "after") -> Snapshot:
        """Return the snapshot."""
        if self.snapshot is None:
            raise Unavailable("cannot reach the cluster")
        return self.snapshot


def test_a_finding_about_what_failed_is_cause_evidence_and_next_step(tmp_path: Path) -> None:
    """They stand below what was found already, in at most five lines; the snapshot is kept."""
    case = CASES["wrong-architecture"]
    error = explained(ERROR, Kept(case.snapshot), tmp_path / "new")
    lines = str(error).splitlines()
    assert len(lines) <= 5
    assert lines[0] == ERROR.attempted
    assert lines[1].strip() == ERROR.found
    assert "(wrong-architecture)" in lines[2]
    assert "exec format error" in lines[3]
    assert lines[-1].strip().startswith("do: ")
    assert (type(error), error.reason) == (Unavailable, "E_ROLLOUT")
    assert load(tmp_path / "new" / FILE_NAME) == case.snapshot


def test_what_the_cluster_has_besides_explains_nothing(tmp_path: Path) -> None:
    """The fault of a run, and what to do about it, stay what they were."""
    busy = Unavailable("the load ended early", found="the simulator is full", next_step="a lower rate")
    lines = str(explained(busy, Kept(CASES["wrong-architecture"].snapshot), tmp_path)).splitlines()
    assert (lines[0], lines[1].strip(), lines[-1].strip()) == (busy.attempted, busy.found, "do: a lower rate")
    assert lines[2].startswith("  the cluster also has: ")
    assert "(wrong-architecture)" in lines[2]
    assert len(lines) == 5


@pytest.mark.parametrize(
    ("attempted", "evidence", "cause"),
    [
        ("process-worker-arm64 is not well", "", "wrong-architecture"),
        ("a call failed", f"no answer from {pod_name('process-worker', 'arm64')}", "wrong-architecture"),
        ("cannot reach port 7000 of service/process-worker", "", "wrong-architecture"),
        ("redis did not answer", f"at redis://{HOST}:6379/0", "redis-unreachable"),
    ],
    ids=["deployment", "pod", "service", "server"],
)
def test_of_several_findings_the_one_that_concerns_the_failure_is_told(
    attempted: str, evidence: str, cause: str, tmp_path: Path
) -> None:
    """Whichever stands first; the others are counted, with where to read them."""
    away = CASES["redis-unreachable"].snapshot.probes
    both = replace(CASES["wrong-architecture"].snapshot, probes=away)
    assert len(diagnose(both)) > 1
    text = str(explained(Unavailable(attempted, found=evidence, next_step="lab logs"), Kept(both), tmp_path))
    assert f"({cause})" in text
    assert "also has" not in text
    assert f"more: lab diagnose --snapshot {tmp_path / FILE_NAME}" in text
    assert len(text.splitlines()) <= 5


def test_an_error_without_a_next_step_gets_one(tmp_path: Path) -> None:
    """The cause's where the error is to be looked into, else where to read on."""
    case = CASES["redis-unreachable"]
    [finding] = diagnose(case.snapshot)
    for step in ("lab diagnose", "lab doctor      (what this machine lacks)"):
        error = Unavailable("nothing came", next_step=step)
        assert explained(error, Kept(case.snapshot), tmp_path).next_step == finding.do
    bare = explained(Unavailable("nothing came"), Kept(case.snapshot), tmp_path)
    assert bare.next_step == f"lab diagnose --snapshot {tmp_path / FILE_NAME}"


def test_the_command_that_shows_a_kept_snapshot_can_be_pasted(tmp_path: Path) -> None:
    """Also where the folder has a space in its name."""
    folder = tmp_path / "my runs"
    error = explained(Unavailable("nothing came"), Kept(CASES["redis-unreachable"].snapshot), folder)
    assert shlex.split(error.next_step) == ["lab", "diagnose", "--snapshot", str(folder / FILE_NAME)]


def test_an_error_stays_as_it_is_where_nothing_is_found(tmp_path: Path) -> None:
    """No cause is made up."""
    assert explained(ERROR, Kept(healthy()), tmp_path) is ERROR


def test_an_error_stays_as_it_is_where_no_snapshot_can_be_taken(tmp_path: Path) -> None:
    """The first thing that went wrong is what is told."""
    assert explained(ERROR, Kept(None), tmp_path) is ERROR


def test_a_failure_on_this_machine_is_explained_by_its_program(tmp_path: Path) -> None:
    """What the evidence repeats of the error is not told twice."""
    snapshot = LOCAL_CASES["wrong-settings"].snapshot
    [finding] = diagnose(snapshot)
    failure = BadConfig("cannot start process-worker: it exited with 78", found=finding.found, next_step="lab doctor")
    lines = str(explained(failure, Kept(snapshot), tmp_path)).splitlines()
    assert lines == [
        failure.attempted,
        f"  {finding.title} (wrong-settings)",
        f"  {finding.found}",
        f"  do: {finding.do}",
    ]


def test_what_this_machine_has_besides_is_called_so(tmp_path: Path) -> None:
    """The place is named."""
    busy = Unavailable("the load ended early", next_step="a lower rate")
    text = str(explained(busy, Kept(LOCAL_CASES["wrong-settings"].snapshot), tmp_path))
    assert "this machine also has: process-worker refuses its settings" in text


def test_a_program_that_complains_of_the_store_concerns_the_store(tmp_path: Path) -> None:
    """The error names the program alone."""
    failure = Unavailable("cannot start bootstrap: it exited with 69", next_step="lab doctor")
    explanation = explained(failure, Kept(LOCAL_CASES["redis-unreachable"].snapshot), tmp_path)
    assert "(redis-unreachable)" in explanation.found
    assert "also has" not in explanation.found
