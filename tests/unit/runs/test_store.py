"""Run folders are found, distinguished, and true at every moment."""

import subprocess
import sys
from pathlib import Path

import pytest

from lab.errors import DataFault, Exists, LabError, UsageFault
from lab.model import Trial
from lab.runs.contents import MANIFEST
from lab.runs.folder import RunFolder
from lab.runs.record import RunRecord
from lab.runs.store import RunStore
from tests.unit import trials


def test_a_run_begins_as_running(tmp_path: Path) -> None:
    """With its parameters and a schema."""
    run = RunStore(tmp_path).new("Quick start!", notebook="notebooks/a.ipynb", parameters={"rate": 5.0})
    manifest = run.document()
    assert (manifest["status"], manifest["schema"], manifest["parameters"]) == ("running", 2, {"rate": 5.0})
    assert run.run_id.endswith("-quick-start")
    assert manifest["id"] == run.run_id


def test_a_run_is_found_by_a_part_of_its_name(tmp_path: Path) -> None:
    """Or as the last one, or by its path; never by guessing."""
    store = RunStore(tmp_path)
    first, second = (store.new("a", run_id=f"2026-01-0{day}-000000-aaaa-run") for day in (1, 2))
    assert store.open("last").run_id == second.run_id
    assert store.open("01-01").run_id == first.run_id
    assert store.open(first.path).run_id == first.run_id
    for which in ("run", "nothing like it"):
        with pytest.raises(UsageFault):
            store.open(which)


@pytest.mark.parametrize("run_id", ["../x", "/etc", "a" * 65, ".hidden", "a b"])
def test_an_illegal_id_is_refused(tmp_path: Path, run_id: str) -> None:
    """Nothing is written outside of the folder of runs."""
    with pytest.raises(UsageFault) as refused:
        RunStore(tmp_path / "runs").new("a", run_id=run_id)
    assert refused.value.reason == "BAD_RUN_ID"
    assert not (tmp_path / "x").exists()


def test_an_id_that_is_taken_is_refused(tmp_path: Path) -> None:
    """A measurement is never overwritten."""
    RunStore(tmp_path).new("a", run_id="one")
    with pytest.raises(Exists) as refused:
        RunStore(tmp_path).new("a", run_id="one")
    assert (refused.value.reason, refused.value.exit_code) == ("RUN_EXISTS", 73)


def test_a_truncated_manifest_is_a_damaged_run(tmp_path: Path) -> None:
    """Reading raises; nothing is guessed."""
    run = RunStore(tmp_path).new("a")
    file = run.path / MANIFEST
    file.write_text(file.read_text()[:50])
    with pytest.raises(DataFault) as damaged:
        run.document()
    assert (damaged.value.reason, damaged.value.exit_code) == ("CORRUPT_RUN", 65)


def test_a_killed_run_never_says_that_it_succeeded(tmp_path: Path) -> None:
    """Its process is gone before its end was recorded: the run failed."""
    code = f"""
import os, signal
from pathlib import Path
from lab.runs.store import RunStore
RunStore(Path({str(tmp_path)!r})).new("a", run_id="killed").begin_measuring()
os.kill(os.getpid(), signal.SIGKILL)
"""
    subprocess.run([sys.executable, "-c", code], check=False, timeout=30)
    manifest = RunFolder(tmp_path / "killed").document()
    assert (manifest["status"], manifest["reason"]) == ("failed", "the process of the run is gone")


def test_pruning_keeps_the_newest_and_what_runs(tmp_path: Path) -> None:
    """Runs of this process are still running."""
    store = RunStore(tmp_path)
    for number in range(4):
        store.new("a", run_id=f"run-{number}")
    store.open("run-0").end("failed")
    store.open("run-2").end("succeeded")
    assert store.prune(keep=1) == ["run-2", "run-0"]
    assert [run.run_id for run in store.all()] == ["run-3", "run-1"]


def test_success_is_recorded_last(tmp_path: Path) -> None:
    """When everything else is on the disk."""
    run, seen = RunStore(tmp_path).new("a"), []

    def publish(_trial: Trial) -> None:
        seen.append((run.document()["status"], (run.path / "samples.parquet").exists()))

    with RunRecord(run, publish=publish) as record:
        record.succeeded(trials.trial(), interrupted=False)
    assert seen == [("running", True)]
    assert run.document()["status"] == "succeeded"
    assert run.document()["verdict"]["status"] == "MET"


@pytest.mark.parametrize(
    ("error", "status", "reason"),
    [
        (KeyboardInterrupt(), "interrupted", "interrupted"),
        (LabError("no stack", found="nothing listens"), "failed", "no stack\n  nothing listens"),
        (ZeroDivisionError("by zero"), "failed", "ZeroDivisionError: by zero"),
    ],
)
def test_what_ends_a_run_is_written_down(tmp_path: Path, error: BaseException, status: str, reason: str) -> None:
    """With the words that were shown, and the logs."""
    run, log = RunStore(tmp_path / "runs").new("a"), tmp_path / "worker.log"
    log.write_text("a line\n")

    def end_by_the_error() -> None:
        with RunRecord(run, publish=lambda _: None) as record:
            record.keep_logs({"worker": log})
            raise error

    with pytest.raises(type(error)):
        end_by_the_error()
    assert (run.document()["status"], run.document()["reason"]) == (status, reason)
    assert (run.path / "logs" / "worker.log").read_text() == "a line\n"
