"""A target, a fault, an objective and a factor that the lab does not know are added from outside, and used."""

import time
from pathlib import Path

import pytest

import lab
from lab import wiring
from lab.analysis import objectives
from lab.analysis.estimate import Estimate
from lab.analysis.facts import Facts
from lab.cli import main
from lab.errors import UsageFault
from lab.faults import kinds
from lab.model import Experiment, Fault, Objective, ObjectiveResult
from lab.model.factors import FACTORS, Factor, Level
from lab.reports import summary
from tests.integration.elsewhere import ElsewhereSnapshots, ElsewhereTarget

pytestmark = pytest.mark.timeout(120)


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One line of wiring makes a target known."""
    monkeypatch.setitem(wiring.TARGETS, "elsewhere", ElsewhereTarget)
    monkeypatch.setenv("LAB_RUNS_DIR", str(tmp_path / "runs"))
    monkeypatch.setenv("LAB_STATE_DIR", str(tmp_path / "state"))


def experiment(*objectives_: Objective, faults: tuple[Fault, ...] = ()) -> Experiment:
    """Three seconds of a light load on the third target."""
    load = lab.load("synthetic", rate=200.0)
    return Experiment(
        "outside",
        load,
        objectives_ or (lab.nothing_lost(),),
        target="elsewhere",
        duration=3.0,
        warm_up=0.5,
        faults=faults,
    )


@pytest.mark.in_turn(2)
def test_a_trial_runs_on_a_target_from_outside() -> None:
    """Its record, its verdict and its words name that target."""
    trial = lab.run(experiment())
    assert (trial.experiment.target, trial.place, trial.verdict.status) == ("elsewhere", "elsewhere", "MET")
    assert "on elsewhere" in summary.text(trial, colour=False, width=110)


def test_commands_take_a_target_from_outside(capsys: pytest.CaptureFixture[str]) -> None:
    """As they take the others; the next step names it."""
    assert main(["status", "--target", "elsewhere"]) == 69
    assert "lab up --target elsewhere" in capsys.readouterr().err
    assert main(["status", "--target", "nowhere"]) == 64
    assert "there are: processes, kubernetes, elsewhere" in capsys.readouterr().err


def test_a_target_from_outside_is_diagnosed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """One more line of wiring makes it known to `lab diagnose` and `lab doctor`; without the line both say so."""
    assert main(["diagnose", "--target", "elsewhere"]) == 64
    assert "there are: processes, kubernetes" in capsys.readouterr().err
    monkeypatch.setitem(wiring.SNAPSHOTS, "elsewhere", ElsewhereSnapshots)
    monkeypatch.setenv("LAB_REDIS_SERVER", "path")
    monkeypatch.setenv("PATH", str(tmp_path))
    kept = tmp_path / "snapshot.json"
    assert main(["diagnose", "--target", "elsewhere", "--save", str(kept)]) == 1
    assert "program-missing" in capsys.readouterr().out
    assert main(["diagnose", "--snapshot", str(kept)]) == 1
    assert "program-missing" in capsys.readouterr().out
    assert main(["doctor", "--target", "elsewhere"]) == 69
    assert "it cannot run there" in capsys.readouterr().err


@pytest.mark.in_turn(2)
def test_a_fault_from_outside_is_carried_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """A row in the table and a target that does not refuse it are enough."""
    broken: list[str] = []

    def note(_deployment: kinds.Breakable, fault: Fault) -> int:
        broken.append(fault.service)
        return time.time_ns()

    monkeypatch.setitem(kinds.FAULTS, "noted", kinds.Momentary(note))
    monkeypatch.setattr("tests.integration.elsewhere.ElsewhereTarget.hindrance", lambda *_: None)
    trial = lab.run(experiment(faults=(Fault("noted", "process-worker", at_s=0.5),)))
    assert broken == ["process-worker"]
    assert [fault.kind for fault in trial.evidence.faults] == ["noted"]


def test_a_fault_that_a_target_cannot_carry_out_is_refused_before_anything_starts() -> None:
    """By the target's own word."""
    with pytest.raises(UsageFault, match="cannot delete-pod process-worker on target elsewhere"):
        lab.run(experiment(faults=(Fault("delete-pod", "process-worker", at_s=0.5),)))


@pytest.mark.in_turn(2)
def test_an_objective_from_outside_is_judged_and_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    """A row in the table is enough."""

    def judge(objective: Objective, facts: Facts, _seed: int) -> ObjectiveResult:
        calls = facts.evidence.load_run.account.attempts
        return objectives.result_of(objective, "calls", "calls", Estimate(calls), met=calls >= objective.threshold)

    monkeypatch.setitem(objectives.OBJECTIVES, "calls", objectives.ObjectiveKind(judge, sign="≥"))
    trial = lab.run(experiment(Objective("calls", 10)))
    assert trial.verdict.status == "MET"
    assert "≥ 10 calls" in summary.text(trial, colour=False, width=110)


@pytest.mark.in_turn(2)
def test_a_factor_from_outside_has_levels(monkeypatch: pytest.MonkeyPatch) -> None:
    """Those of the target unless others are given."""
    seen: list[object] = []

    def at_level(varied: Experiment, level: Level) -> Experiment:
        seen.append(level)
        return FACTORS["batch_events"].at_level(varied, level)

    monkeypatch.setitem(FACTORS, "size", Factor("events", int, at_level))
    trials = lab.run_each(experiment(), "size", [5, 20])
    assert seen == [5, 20]
    assert [trial.experiment.name for trial in trials] == ["outside-5", "outside-20"]
    assert [trial.experiment.load.batch_events for trial in trials] == [5, 20]
    with pytest.raises(UsageFault, match='no factor "colour"'):
        lab.run_each(experiment(), "colour")
