"""What a record leaves behind on every way out."""

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from lab.display.progress import Silent
from lab.errors import Unavailable
from lab.load.port import Progress
from lab.model import Account, Trial
from lab.runs.evidence import load_trial
from lab.runs.folder import RunFolder
from lab.runs.record import Look, RunRecord
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


class Listening(Silent):
    """Remembers what it was told."""

    def __init__(self) -> None:
        self.told: list[object] = []

    def stage(self, stage: str, message: str, seconds: float | None) -> None:
        """See `lab.runs.record.Listener`."""
        self.told.append((stage, message, seconds))

    def progress(self, stage: str, progress: Look, *, of_s: float) -> None:
        """See `lab.runs.record.Listener`."""
        self.told.append((stage, progress, of_s))


@pytest.fixture
def run(tmp_path: Path) -> RunFolder:
    """A run that was begun with parameters."""
    return RunStore(tmp_path / "runs").new("a", notebook="notebooks/a.ipynb", parameters={"rate": 7.0})


def succeed(run: RunFolder, trial: Trial, *, interrupted: bool = False) -> Trial:
    """Record a trial that came to its end."""
    with RunRecord(run, Silent(), publish=lambda _: None) as record:
        return record.succeeded(trial, interrupted=interrupted)


def test_the_manifest_of_a_run_that_succeeded_holds_what_is_promised(run: RunFolder) -> None:
    """Every key, all of the ledger, and both answers apart."""
    succeed(run, trials.rich())
    manifest = run.manifest()
    assert set(manifest) >= set(PROMISED.split())
    assert list(manifest["ledger"]) == LEDGER.split()
    assert (manifest["status"], manifest["validity"]["status"], manifest["verdict"]["status"]) == (
        "succeeded",
        "VALID",
        "MET",
    )
    assert manifest["started"] <= manifest["window"]["to"]
    assert TABLES | {"spans.jsonl", "trial.json"} <= {path.name for path in run.path.iterdir()}


def test_the_recorded_trial_knows_its_folder(run: RunFolder) -> None:
    """The one that comes back, and the one that is read later."""
    kept = succeed(run, trials.trial())
    assert kept.folder == load_trial(run.path).folder == str(run.path)


@pytest.mark.parametrize(("parameters", "stands"), [({}, {"rate": 7.0}), ({"rate": 9.0}, {"rate": 9.0})])
def test_parameters_stand_unless_the_kernel_knows_better(
    run: RunFolder, parameters: Mapping[str, object], stands: dict[str, object]
) -> None:
    """A kernel that cannot tell its own does not wipe out what `lab run` was given."""
    succeed(run, replace(trials.trial(), parameters=parameters))
    assert run.manifest()["parameters"] == stands


def test_a_load_that_was_stopped_is_an_interrupted_run_with_its_record(run: RunFolder) -> None:
    """What it has is kept (`ARCHITECTURE.md` D46)."""
    succeed(run, trials.trial(), interrupted=True)
    assert run.manifest()["status"] == "interrupted"
    assert load_trial(run.path).ledger.counted == trials.trial().ledger.counted


def test_publishing_that_fails_leaves_a_failed_run(run: RunFolder) -> None:
    """Everything measured is there, and still it has not succeeded."""

    def publish(_trial: Trial) -> None:
        raise OSError(28, "No space left on device")

    with (
        pytest.raises(Unavailable, match="cannot write the run"),
        RunRecord(run, Silent(), publish=publish) as record,
    ):
        record.succeeded(trials.trial(), interrupted=False)
    manifest = run.manifest()
    assert (manifest["status"], manifest["exit_code"]) == ("failed", 69)
    assert "No space left on device" in manifest["reason"]
    assert len(manifest["reason"].splitlines()) <= 5


def test_a_reason_is_as_long_as_a_terminal_shows(run: RunFolder) -> None:
    """At most five lines, none without an end; the manifest holds no traceback of a whole library."""
    with pytest.raises(RuntimeError), RunRecord(run, Silent(), publish=lambda _: None):
        raise RuntimeError("\n".join(["x" * 5_000] * 40))
    reason = run.manifest()["reason"]
    assert len(reason.splitlines()) == 5
    assert max(map(len, reason.splitlines())) <= 300


def test_logs_are_kept_of_a_run_that_succeeded(run: RunFolder, tmp_path: Path) -> None:
    """Of every service that wrote one; one that never started has none."""
    (tmp_path / "worker.log").write_text("a line\n")
    with RunRecord(run, Silent(), publish=lambda _: None) as record:
        record.keep_logs({"worker": tmp_path / "worker.log", "gone": tmp_path / "none"})
        record.succeeded(trials.trial(), interrupted=False)
    assert [path.name for path in (run.path / "logs").iterdir()] == ["worker.log"]


def test_logs_that_cannot_be_copied_fail_a_run_that_was_well(run: RunFolder, tmp_path: Path) -> None:
    """A record without its logs would not be the record it says it is; no half log is left."""
    with pytest.raises(Unavailable), RunRecord(run, Silent(), publish=lambda _: None) as record:
        record.keep_logs({"worker": tmp_path})
    assert run.manifest()["status"] == "failed"
    assert list((run.path / "logs").iterdir()) == []


def test_a_damaged_manifest_does_not_hide_why_a_run_failed(run: RunFolder) -> None:
    """Nothing can be written down then, and the caller still learns the cause."""

    def fail() -> None:
        with RunRecord(run, Silent(), publish=lambda _: None):
            (run.path / "run.json").write_text("{")
            raise RuntimeError("the true cause")

    with pytest.raises(RuntimeError, match="the true cause"):
        fail()


def test_the_listener_hears_every_stage_and_look(run: RunFolder) -> None:
    """As it was told."""
    listener, look = Listening(), Progress(5.0, Account(), 500.0, 500.0, 0, 2.0, 3.0)
    record = RunRecord(run, listener, publish=lambda _: None)
    record.stage("settling", "backlog 0", 1.5)
    record.progress("measuring", look, of_s=20.0)
    assert listener.told == [("settling", "backlog 0", 1.5), ("measuring", look, 20.0)]
    assert (record.run_id, record.folder) == (run.run_id, run.path)


def test_the_facts_can_be_read_without_the_lab(run: RunFolder) -> None:
    """A death, a fault, a skipped row: by name, not by position."""
    succeed(run, trials.rich())
    manifest = json.loads((run.path / "run.json").read_text())
    assert manifest["deaths"][0]["signal"] == 9
    assert manifest["faults"][0]["in_flight_events"] == 40
    assert manifest["source"]["notes"] == ["naive times were read as UTC"]


def test_the_record_tells_places_apart(run: RunFolder) -> None:
    """Events and cost of each, with intervals; what a reader should know stands beside."""
    succeed(run, trials.trial(evidence=places.evidence(load_on="big")))
    manifest = json.loads((run.path / "run.json").read_text())
    assert [(one["node"], one["architecture"], one["counted"], one["emulated"]) for one in manifest["breakdown"]] == [
        ("big", "amd64", 1_500, False),
        ("board", "arm64", 500, False),
    ]
    cost = manifest["breakdown"][1]["worker_cpu_ms_per_1000"]
    assert cost["value"] == pytest.approx(4_000)
    assert cost["interval_within_run"] == pytest.approx([4_000, 4_000])
    [note] = manifest["notes"]
    assert "played on node big" in note
