"""An error that only says what did not come about gets the cause that a look finds."""

from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from lab.diagnosis.diagnose import diagnose
from lab.errors import Unavailable
from lab.snapshots.snapshot import Snapshot, load
from lab.trials.explain import FILE_NAME, explained
from tests.unit.diagnosis.builders import HOST, healthy, pod_name
from tests.unit.diagnosis.cases import CASES

ERROR = Unavailable("process-worker-arm64 is not well", found="3 of 4", next_step="lab diagnose", code="E_ROLLOUT")


@dataclass
class Kept:
    """A source that gives one look."""

    look: Snapshot | None

    def take(self) -> Snapshot:
        """That look."""
        if self.look is None:
            raise Unavailable("cannot reach the cluster")
        return self.look


def test_a_finding_about_what_failed_is_cause_evidence_and_next_step(tmp_path: Path) -> None:
    """Below what was found already, in at most five lines; the look is kept."""
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
    ("attempted", "found", "cause"),
    [
        ("process-worker-arm64 is not well", "", "wrong-architecture"),
        ("a call failed", f"no answer from {pod_name('process-worker', 'arm64')}", "wrong-architecture"),
        ("cannot reach port 7000 of service/process-worker", "", "wrong-architecture"),
        ("redis did not answer", f"at redis://{HOST}:6379/0", "redis-unreachable"),
    ],
    ids=["deployment", "pod", "service", "server"],
)
def test_of_several_findings_the_one_about_what_failed_is_told(
    attempted: str, found: str, cause: str, tmp_path: Path
) -> None:
    """Whichever stands first; the others are counted, with where to read them."""
    away = CASES["redis-unreachable"].snapshot.probes
    both = replace(CASES["wrong-architecture"].snapshot, probes=away)
    assert len(diagnose(both)) > 1
    said = str(explained(Unavailable(attempted, found=found, next_step="lab logs"), Kept(both), tmp_path))
    assert f"({cause})" in said
    assert "also has" not in said
    assert f"more: lab diagnose --snapshot {tmp_path / FILE_NAME}" in said
    assert len(said.splitlines()) <= 5


def test_who_has_no_next_step_gets_one(tmp_path: Path) -> None:
    """The cause's where the error is to be looked into, else where to read on."""
    case = CASES["redis-unreachable"]
    [one] = diagnose(case.snapshot)
    asked = Unavailable("nothing came", next_step="lab diagnose")
    assert explained(asked, Kept(case.snapshot), tmp_path).next_step == one.do
    bare = explained(Unavailable("nothing came"), Kept(case.snapshot), tmp_path)
    assert bare.next_step == f"lab diagnose --snapshot {tmp_path / FILE_NAME}"


def test_an_error_stays_as_it_is_where_nothing_is_found(tmp_path: Path) -> None:
    """No cause is made up."""
    assert explained(ERROR, Kept(healthy()), tmp_path) is ERROR


def test_an_error_stays_as_it_is_where_nobody_can_look(tmp_path: Path) -> None:
    """The first thing that went wrong is what is told."""
    assert explained(ERROR, Kept(None), tmp_path) is ERROR
