"""`lab diagnose` keeps its look where it can, and says shortly where it cannot."""

from dataclasses import dataclass
from pathlib import Path

import pytest

from lab import wiring
from lab.cli import main
from lab.snapshots.snapshot import Snapshot, load
from tests.unit.diagnosis.builders import healthy


@dataclass
class Kept:
    """A source that gives one look."""

    look: Snapshot

    def take(self) -> Snapshot:
        """That look."""
        return self.look


@pytest.fixture
def look(monkeypatch: pytest.MonkeyPatch) -> Snapshot:
    """What the cluster looks like."""
    made = healthy()
    monkeypatch.setattr(wiring, "snapshot_source", lambda _settings: Kept(made))
    return made


def test_a_look_is_kept(look: Snapshot, tmp_path: Path) -> None:
    """As it was taken."""
    assert main(["diagnose", "--save", str(tmp_path / "look.json")]) == 0
    assert load(tmp_path / "look.json") == look


@pytest.mark.usefixtures("look")
def test_a_folder_that_is_not_there_is_a_short_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """With the next step; no traceback."""
    file = tmp_path / "a b" / "look.json"
    assert main(["diagnose", "--save", str(file)]) == 64
    lines = capsys.readouterr().err.splitlines()
    assert lines[0] == f"lab: cannot write {file}"
    assert len(lines) <= 5
    assert lines[-1].startswith(f"  do: mkdir -p '{file.parent}'")
