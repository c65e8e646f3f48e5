"""A killed run never reads as succeeded, and a run without room records what was missing."""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Final

import pytest

from lab.runs.contents import MANIFEST
from lab.runs.store import RunStore
from tests.unit.runs.doomed import HERE

PROJECT: Final = Path(__file__).parents[3]
DEADLINE_S: Final = 60
"""Thirty times what the child needs on a quiet machine."""


@contextmanager
def doomed(runs: Path, point: str) -> Iterator[IO[str]]:
    """Yield the output of a process that keeps a run up to a point; it is killed with −9 at the end."""
    command = [sys.executable, "-m", "tests.unit.runs.doomed", str(runs), point]
    with subprocess.Popen(command, cwd=PROJECT, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        try:
            yield child.stdout
        finally:
            child.kill()


@pytest.mark.parametrize("point", ["begun", "measuring", "logs-kept", "publishing"])
def test_a_killed_run_reads_as_failed(tmp_path: Path, point: str) -> None:
    """It is running while its process lives, and failed when the process is gone, though nothing could record that."""
    with doomed(tmp_path, point) as output:
        assert output.readline().strip() == HERE
        assert RunStore(tmp_path).open("doomed").document()["status"] == "running"
    manifest = RunStore(tmp_path).open("doomed").document()
    assert (manifest["status"], manifest["reason"]) == ("failed", "the process of the run is gone")


def test_a_run_that_was_done_stays_succeeded(tmp_path: Path) -> None:
    """A kill after the end changes nothing: the manifest was on the disk."""
    with doomed(tmp_path, "done") as output:
        assert output.readline().strip() == HERE
    assert RunStore(tmp_path).open("doomed").document()["status"] == "succeeded"


@pytest.mark.parametrize("updates", [1, 7, 40])
def test_a_kill_amid_writing_leaves_a_whole_manifest(tmp_path: Path, updates: int) -> None:
    """A writer that is killed while it replaces the manifest leaves the old or the new manifest."""
    with doomed(tmp_path, "writing") as output:
        for _ in range(updates):
            assert output.readline().strip() == HERE
    manifest = json.loads((tmp_path / "doomed" / MANIFEST).read_text(encoding="utf-8"))
    assert manifest["number"] >= updates
    assert len(manifest["padding"]) == 20_000


@pytest.mark.timeout(2 * DEADLINE_S)
def test_a_run_without_room_has_failed_and_leaves_no_half_file(tmp_path: Path) -> None:
    """The manifest says failed and why, since the half file made room for it."""
    command = [sys.executable, "-m", "tests.unit.runs.doomed", str(tmp_path), "no-room"]
    done = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, timeout=DEADLINE_S, check=True)
    assert "cannot write the run" in done.stdout
    manifest = RunStore(tmp_path).open("doomed").document()
    assert (manifest["status"], manifest["exit_code"]) == ("failed", 69)
    assert "File too large" in manifest["reason"]
    files = [path.name for path in (tmp_path / "doomed").rglob("*") if path.is_file()]
    assert files == [MANIFEST]
