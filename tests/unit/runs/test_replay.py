"""A recorded run is small, is judged again, and stands for no other question."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from lab.errors import DataFault, UsageFault
from lab.model import Constant, Load, Objective, Step, Synthetic, Trial
from lab.reports import summary
from lab.runs.evidence import load_trial
from lab.runs.folder import RunFolder
from lab.runs.manifest import SCHEMA
from lab.runs.record import RunRecord
from lab.runs.replay import LARGEST_BYTES, RECORDED, keep_recorded, recorded_for
from lab.runs.store import RunStore
from tests.unit import trials
from tests.unit.runs.differences import differences

PROJECT = Path(__file__).parents[3]
NOTE = "judged differently than when it was recorded: "


def run_of(project: Path, trial: Trial, *, notebook: str = "notebooks/10_test.ipynb") -> RunFolder:
    """A run that succeeded."""
    run = RunStore(project / "runs").new("test", notebook=notebook)
    with RunRecord(run, publish=lambda kept: (Path(kept.folder) / "report.html").touch()) as record:
        record.succeeded(trial, interrupted=False)
    return run


@pytest.fixture
def recorded(tmp_path: Path) -> Path:
    """A project with one recorded run."""
    keep_recorded(run_of(tmp_path, trials.rich()), tmp_path)
    return tmp_path


def changed(project: Path, change: Callable[[dict[str, dict[str, object]]], None]) -> None:
    """Change the recorded trial."""
    [file] = (project / RECORDED).glob("*/trial.json")
    document = json.loads(file.read_text())
    change(document)
    file.write_text(json.dumps(document))


def test_a_replay_says_what_the_run_said(recorded: Path) -> None:
    """Word for word: card, ledger, verdict; no note is added."""
    live, replayed = (
        summary.text(trial, colour=False, width=100)
        for trial in (trials.rich(), recorded_for(recorded, trials.rich().experiment))
    )
    assert replayed == live
    assert NOTE not in replayed


def test_only_what_a_replay_reads_is_kept(recorded: Path) -> None:
    """Under the notebook's name; no report, no logs, nothing of the process that made it."""
    folder = recorded / RECORDED / "10_test"
    assert not (folder / "report.html").exists()
    manifest = json.loads((folder / "run.json").read_text())
    assert manifest["status"] == "succeeded"
    assert not {"process", "measuring", "exit_code"} & set(manifest)
    assert sum(path.stat().st_size for path in folder.iterdir()) <= LARGEST_BYTES
    assert load_trial(folder).run_id == trials.rich().run_id


def test_the_verdict_is_that_of_todays_analysis(recorded: Path) -> None:
    """The stored verdict counts for nothing, and a note names the difference."""
    changed(recorded, lambda document: document["verdict"].update(status="NOT_MET"))
    trial = recorded_for(recorded, trials.rich().experiment)
    assert trial.verdict == trials.rich().verdict
    assert trial.evidence.load_run.notes[-1] == NOTE + "verdict"


def test_a_lost_digit_of_the_evidence_is_another_answer(recorded: Path) -> None:
    """One more acknowledged event than was counted changes the ledger, and the card says that it changed."""

    def one_more(document: dict[str, dict[str, object]]) -> None:
        account = document["evidence"]["load_run"]["account"]  # type: ignore[index]
        account["acknowledged"] += 1

    changed(recorded, one_more)
    trial = recorded_for(recorded, trials.rich().experiment)
    assert trial.ledger.acknowledged == trials.rich().ledger.acknowledged + 1
    assert NOTE in summary.text(trial, colour=False, width=200)


def test_the_last_digit_of_a_float_is_no_other_answer(recorded: Path) -> None:
    """Two builds of numpy may round a bootstrap differently."""

    def nudge(document: dict[str, dict[str, object]]) -> None:
        result = document["verdict"]["objectives"][0]  # type: ignore[index]
        result["observed"] *= 1 + 1e-14

    changed(recorded, nudge)
    assert (
        recorded_for(recorded, trials.rich().experiment).evidence.load_run.notes
        == trials.rich().evidence.load_run.notes
    )


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"load": Load(Synthetic(), Constant(2_000))}, ("load.shape.rate: recorded 100,", "requested 2000")),
        ({"duration": 60.0}, ("20.0", "60.0")),
        ({"objectives": (Objective("lost", 0),)}, ("latency", "lost")),
        ({"settings": {"LAB_WORKER_BATCH": "1"}}, ("{}", "LAB_WORKER_BATCH")),
    ],
)
def test_another_question_is_refused_by_both_names(
    recorded: Path, change: dict[str, object], named: tuple[str, str]
) -> None:
    """The message has the recorded and the requested value; a replay never passes for a run of the requested one."""
    requested = replace(trials.rich().experiment, **change)  # type: ignore[arg-type]
    with pytest.raises(UsageFault, match="other parameters") as refused:
        recorded_for(recorded, requested)
    assert all(name in str(refused.value) for name in named)
    assert len(str(refused.value).splitlines()) <= 5


def test_lists_and_tuples_ask_the_same(tmp_path: Path) -> None:
    """A notebook writes lists, a recording holds tuples; at every depth."""
    stepped = replace(trials.rich().experiment, load=Load(Synthetic(), Step((100.0, 200.0))))
    keep_recorded(run_of(tmp_path, replace(trials.rich(), experiment=stepped)), tmp_path)
    shape = Step([100, 200])  # type: ignore[arg-type]
    requested = replace(stepped, load=Load(Synthetic(), shape), objectives=list(stepped.objectives))
    assert recorded_for(tmp_path, requested).run_id == trials.rich().run_id


def test_a_name_that_was_never_recorded_is_a_fault(recorded: Path) -> None:
    """The message names the way out."""
    with pytest.raises(DataFault, match="no recorded run") as fault:
        recorded_for(recorded, replace(trials.rich().experiment, name="other"))
    assert "LAB_REPLAY" in str(fault.value)


def test_a_run_that_did_not_succeed_is_not_kept(tmp_path: Path) -> None:
    """Nor does it replace the one before."""
    keep_recorded(run_of(tmp_path, trials.rich()), tmp_path)
    failed = run_of(tmp_path, trials.trial())
    failed.end("failed")
    with pytest.raises(UsageFault, match="cannot be kept") as fault:
        keep_recorded(failed, tmp_path)
    assert "failed" in str(fault.value)
    assert load_trial(tmp_path / RECORDED / "10_test").evidence.spans


def test_a_run_without_a_notebook_is_not_kept(tmp_path: Path) -> None:
    """No replay would read it; the message does not blame the run."""
    with pytest.raises(UsageFault, match="cannot be kept") as fault:
        keep_recorded(run_of(tmp_path, trials.rich(), notebook=""), tmp_path)
    assert "no notebook" in str(fault.value)


def test_a_run_that_is_too_large_leaves_the_one_before(recorded: Path) -> None:
    """A good recording is not given up for one that is refused."""
    before = {path.name: path.read_bytes() for path in (recorded / RECORDED / "10_test").iterdir()}
    large = replace(trials.rich().evidence, spans=({"padding": "x" * LARGEST_BYTES},))
    with pytest.raises(UsageFault, match="limit 1,048,576"):
        keep_recorded(run_of(recorded, trials.trial(evidence=large)), recorded)
    assert {path.name: path.read_bytes() for path in (recorded / RECORDED / "10_test").iterdir()} == before
    assert [path.name for path in (recorded / RECORDED).iterdir()] == ["10_test"]


def test_a_run_that_lacks_a_file_leaves_the_one_before(recorded: Path) -> None:
    """The message names the file."""
    run = run_of(recorded, trials.trial())
    (run.path / "windows.parquet").unlink()
    with pytest.raises(DataFault, match="cannot be kept") as fault:
        keep_recorded(run, recorded)
    assert "windows.parquet" in str(fault.value)
    assert load_trial(recorded / RECORDED / "10_test").evidence.spans


@pytest.mark.parametrize("folder", sorted((PROJECT / RECORDED).iterdir()), ids=lambda path: path.name)
def test_a_run_of_any_version_is_kept_in_todays_version(tmp_path: Path, folder: Path) -> None:
    """Tables and facts have their names of that version, and none is kept under an older name."""
    into = keep_recorded(RunFolder(folder), tmp_path)
    tables = {"samples", "series", "totals", "windows", "producer_ledger", "producer_ledger_unknown"}
    assert RunFolder(into).schema() == SCHEMA
    assert {path.stem for path in into.glob("*.parquet")} == tables
    assert differences(load_trial(folder), replace(load_trial(into), folder=str(folder))) == []
