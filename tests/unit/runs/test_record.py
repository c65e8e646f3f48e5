"""The record that a run leaves, however it ends."""

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from lab.errors import DataFault, Unavailable
from lab.model import Trial
from lab.runs.evidence import load_trial
from lab.runs.folder import RunFolder
from lab.runs.record import RunRecord
from lab.runs.store import RunStore
from tests.unit import trials
from tests.unit.analysis import places

PROMISED = """
    id notebook parameters target started ended status validity verdict ledger environment schema
    experiment window comparison source faults deaths
"""
LEDGER = (
    "intended sent acknowledged unknown refused accepted duplicates counted dead backlog residual lost double_counted"
)
TABLES = frozenset(f"{name}.parquet" for name in ("samples", "series", "totals", "windows", "producer_ledger"))


@pytest.fixture
def run(tmp_path: Path) -> RunFolder:
    """A run that was begun with parameters."""
    return RunStore(tmp_path / "runs").new("a", notebook="notebooks/a.ipynb", parameters={"rate": 7.0})


def succeed(run: RunFolder, trial: Trial, *, interrupted: bool = False) -> Trial:
    """Record a trial that came to its end."""
    with RunRecord(run, publish=lambda _: None) as record:
        return record.succeeded(trial, interrupted=interrupted)


def test_the_manifest_of_a_run_that_succeeded_holds_what_is_promised(run: RunFolder) -> None:
    """Every key, all of the ledger, and both answers apart."""
    succeed(run, trials.rich())
    manifest = run.document()
    assert set(manifest) >= set(PROMISED.split())
    assert list(manifest["ledger"]) == LEDGER.split()
    assert (manifest["status"], manifest["validity"]["status"], manifest["verdict"]["status"]) == (
        "succeeded",
        "VALID",
        "MET",
    )
    assert manifest["started"] <= manifest["window"]["to"]
    assert TABLES | {"spans.jsonl", "trial.json"} <= {path.name for path in run.path.iterdir()}


def test_only_its_owner_may_read_a_run(run: RunFolder) -> None:
    """Logs and notebooks may show what others should not see."""
    succeed(run, trials.rich())
    modes = {(path.is_dir(), path.stat().st_mode & 0o777) for path in (run.path, *run.path.rglob("*"))}
    assert modes <= {(True, 0o700), (False, 0o600)}


def test_the_recorded_trial_knows_its_folder(run: RunFolder) -> None:
    """The trial that comes back, and the trial that is read later."""
    kept = succeed(run, trials.trial())
    assert kept.folder == load_trial(run.path).folder == str(run.path)


@pytest.mark.parametrize(("parameters", "stands"), [({}, {"rate": 7.0}), ({"rate": 9.0}, {"rate": 9.0})])
def test_parameters_stand_unless_the_kernel_knows_better(
    run: RunFolder, parameters: Mapping[str, object], stands: dict[str, object]
) -> None:
    """A kernel that cannot tell its parameters does not erase those that `lab run` was given."""
    succeed(run, replace(trials.trial(), parameters=parameters))
    assert run.document()["parameters"] == stands


def test_a_load_that_was_stopped_is_an_interrupted_run_with_its_record(run: RunFolder) -> None:
    """Its measurement is kept (`ARCHITECTURE.md` D46)."""
    succeed(run, trials.trial(), interrupted=True)
    assert run.document()["status"] == "interrupted"
    assert load_trial(run.path).ledger.counted == trials.trial().ledger.counted


def test_publishing_that_fails_leaves_a_failed_run(run: RunFolder) -> None:
    """The measurement is there, and the run has still not succeeded."""

    def publish(_trial: Trial) -> None:
        raise OSError(28, "No space left on device")

    with (
        pytest.raises(Unavailable, match="cannot write the run"),
        RunRecord(run, publish=publish) as record,
    ):
        record.succeeded(trials.trial(), interrupted=False)
    manifest = run.document()
    assert (manifest["status"], manifest["exit_code"]) == ("failed", 69)
    assert "No space left on device" in manifest["reason"]
    assert len(manifest["reason"].splitlines()) <= 5


def test_a_reason_is_as_long_as_a_terminal_shows(run: RunFolder) -> None:
    """At most five lines of at most 300 characters; the manifest holds no traceback."""
    with pytest.raises(RuntimeError), RunRecord(run, publish=lambda _: None):
        raise RuntimeError("\n".join(["x" * 5_000] * 40))
    reason = run.document()["reason"]
    assert len(reason.splitlines()) == 5
    assert max(map(len, reason.splitlines())) <= 300


def test_logs_are_kept_of_a_run_that_succeeded(run: RunFolder, tmp_path: Path) -> None:
    """The logs of every service that wrote one; a service that never started has none."""
    (tmp_path / "worker.log").write_text("a line\n")
    with RunRecord(run, publish=lambda _: None) as record:
        record.keep_logs({"worker": tmp_path / "worker.log", "gone": tmp_path / "none"})
        record.succeeded(trials.trial(), interrupted=False)
    assert [path.name for path in (run.path / "logs").iterdir()] == ["worker.log"]


def test_logs_that_cannot_be_copied_fail_a_run_that_was_well(run: RunFolder, tmp_path: Path) -> None:
    """A record without its logs is no whole record; no half log is left."""
    with pytest.raises(Unavailable), RunRecord(run, publish=lambda _: None) as record:
        record.keep_logs({"worker": tmp_path})
    assert run.document()["status"] == "failed"
    assert list((run.path / "logs").iterdir()) == []


def test_a_damaged_manifest_does_not_hide_why_a_run_failed(run: RunFolder) -> None:
    """Nothing can be recorded then, and the caller still gets the cause."""

    def fail() -> None:
        with RunRecord(run, publish=lambda _: None):
            (run.path / "run.json").write_text("{")
            raise RuntimeError("the true cause")

    with pytest.raises(RuntimeError, match="the true cause"):
        fail()


def test_an_error_of_the_lab_is_recorded_as_data(run: RunFolder) -> None:
    """Its class and all its parts, so that a program need not read the words."""
    with pytest.raises(DataFault), RunRecord(run, publish=lambda _: None):
        raise DataFault("cannot read a.csv", found="row 7", next_step="head a.csv", code="NO_TIME")
    manifest = run.document()
    assert manifest["error"] == {
        "kind": "DataFault",
        "attempted": "cannot read a.csv",
        "found": "row 7",
        "next_step": "head a.csv",
        "code": "NO_TIME",
        "exit_code": 65,
    }
    assert (manifest["reason"], manifest["exit_code"]) == ("cannot read a.csv\n  row 7\n  do: head a.csv", 65)


def test_any_other_error_is_recorded_in_words(run: RunFolder) -> None:
    """It has no parts and no exit code."""
    with pytest.raises(ZeroDivisionError), RunRecord(run, publish=lambda _: None):
        raise ZeroDivisionError("by zero")
    manifest = run.document()
    assert (manifest["error"], manifest["exit_code"]) == (None, None)
    assert manifest["reason"] == "ZeroDivisionError: by zero"


def test_a_record_names_its_run(run: RunFolder) -> None:
    """By its id and its folder."""
    record = RunRecord(run, publish=lambda _: None)
    assert (record.run_id, record.folder) == (run.run_id, run.path)


def test_the_facts_can_be_read_without_the_lab(run: RunFolder) -> None:
    """A death, a fault, a skipped row: by name, not by position."""
    succeed(run, trials.rich())
    manifest = json.loads((run.path / "run.json").read_text())
    assert manifest["deaths"][0]["signal"] == 9
    assert manifest["faults"][0]["in_flight_events"] == 40
    assert manifest["source"]["notes"] == ["naive times were read as UTC"]


def test_the_record_has_a_breakdown_by_place(run: RunFolder) -> None:
    """Events and cost of each place, with intervals; a warning stands beside."""
    succeed(run, trials.trial(evidence=places.evidence(load_on="big")))
    manifest = json.loads((run.path / "run.json").read_text())
    assert [
        (share["node"], share["architecture"], share["counted"], share["emulated"]) for share in manifest["breakdown"]
    ] == [
        ("big", "amd64", 1_500, False),
        ("board", "arm64", 500, False),
    ]
    cost = manifest["breakdown"][1]["worker_cpu_ms_per_1000"]
    assert cost["value"] == pytest.approx(4_000)
    assert cost["interval_within_run"] == pytest.approx([4_000, 4_000])
    [note] = manifest["notes"]
    assert "ran on node big" in note
