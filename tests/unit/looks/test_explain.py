"""An error that only says what did not come about gets the cause that a look finds."""

from dataclasses import dataclass
from pathlib import Path

from lab.diagnosis.snapshot import Snapshot, load
from lab.errors import Unavailable
from lab.looks.explain import FILE_NAME, explained
from tests.unit.diagnosis.builders import healthy
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


def test_the_first_finding_is_cause_evidence_and_next_step(tmp_path: Path) -> None:
    """In at most five lines, and the look is kept."""
    case = CASES["wrong-architecture"]
    error = explained(ERROR, Kept(case.snapshot), tmp_path / "new")
    lines = str(error).splitlines()
    assert len(lines) <= 5
    assert lines[0] == ERROR.attempted
    assert "(wrong-architecture)" in lines[1]
    assert "exec format error" in lines[2]
    assert lines[-1].strip().startswith("do: ")
    assert (type(error), error.reason) == (Unavailable, "E_ROLLOUT")
    assert load(tmp_path / "new" / FILE_NAME) == case.snapshot


def test_an_error_stays_as_it_is_where_nothing_is_found(tmp_path: Path) -> None:
    """No cause is made up."""
    assert explained(ERROR, Kept(healthy()), tmp_path) is ERROR


def test_an_error_stays_as_it_is_where_nobody_can_look(tmp_path: Path) -> None:
    """The first thing that went wrong is what is told."""
    assert explained(ERROR, Kept(None), tmp_path) is ERROR
