"""What a trial answers, what may be concluded, and the next command."""

from dataclasses import replace

import pytest

from lab.model import Objective, Trial
from lab.reports.answer import answer, conclusion
from tests.unit import trials

EXACTLY_ONCE = "Every acknowledged event was counted exactly once."


def named(name: str) -> Trial:
    """Return a trial of an experiment of that name."""
    trial = trials.trial()
    return replace(trial, experiment=replace(trial.experiment, name=name))


def on_a_cluster(trial: Trial) -> Trial:
    """Return the trial as if a cluster had run it."""
    return replace(trial, experiment=replace(trial.experiment, target="kubernetes"), place="kubernetes")


def test_the_answer_holds_every_digit() -> None:
    """A regression test compares it."""
    first, second = trials.trial(), trials.trial()
    text = repr(answer(first))
    assert text == repr(answer(second))
    for name in first.ledger.__slots__:
        assert f"{name} {getattr(first.ledger, name):,}" in text
    assert "verdict MET" in text


def test_the_conclusion_follows_from_the_verdict() -> None:
    """And names what may not be concluded."""
    assert "Every objective was met." in repr(conclusion(trials.trial()))
    assert "Not met: p99" in repr(conclusion(trials.trial(Objective("latency", 1.0))))
    assert "may not be believed" in repr(conclusion(trials.invalid()))
    assert "one run on one machine" in repr(conclusion(trials.trial()))


def test_an_answer_without_a_verdict_says_so() -> None:
    """A run that may not be believed has none, nor has a run with too little evidence."""
    inconclusive = trials.trial(Objective("latency", 50.0, 0.9999))
    assert inconclusive.validity.status == "INCONCLUSIVE"
    for trial in (trials.invalid(), inconclusive):
        assert trial.verdict.status is None
        assert "verdict none" in answer(trial).lines


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({}, EXACTLY_ONCE),
        ({"lost": 3, "double_counted": 1}, "3 events were lost and 1 counted twice."),
        ({"dead": 2}, "0 events were lost and 0 counted twice; 2 events dead."),
        ({"backlog": 5}, "0 events were lost and 0 counted twice; 5 events in the backlog."),
        ({"unknown": 4}, "0 events were lost and 0 counted twice; 4 events of unknown outcome."),
        (
            {"lost": 1, "dead": 2, "backlog": 5},
            "1 event was lost and 0 counted twice; 2 events dead, 5 events in the backlog.",
        ),
    ],
)
def test_events_that_are_not_counted_are_named(changes: dict[str, int], sentence: str) -> None:
    """That every event was counted once is concluded where no event is dead, waits, or has an unknown outcome."""
    trial = trials.trial()
    assert sentence in conclusion(replace(trial, ledger=replace(trial.ledger, **changes))).sentences


@pytest.mark.parametrize(
    ("acknowledged", "why"),
    [(2_000, "the generator left no producer ledger"), (0, "no event was acknowledged")],
)
def test_without_a_producer_ledger_nothing_is_concluded_about_events(acknowledged: int, why: str) -> None:
    """Nothing was compared, so that 0 lost events mean nothing."""
    trial = trials.trial()
    load_run = replace(trial.evidence.load_run, producer_ledger=())
    trial = replace(trial, evidence=replace(trial.evidence, load_run=load_run))
    trial = replace(trial, ledger=replace(trial.ledger, acknowledged=acknowledged))
    sentence = f"Nobody can say whether an event was lost or counted twice: {why}."
    assert sentence in conclusion(trial).sentences


@pytest.mark.parametrize(
    ("name", "command"),
    [
        ("quickstart", "lab run notebooks/10_baseline.ipynb -p rate 2000"),
        ("baseline", "lab run notebooks/50_worker_dies.ipynb"),
        ("test", "lab runs open 2026-11-23-065312-k3f9-quickstart"),
    ],
)
def test_the_next_command_depends_on_the_experiment(name: str, command: str) -> None:
    """One that has no successor opens its report: the command that shows a run ends with this one."""
    assert conclusion(named(name)).command == command


@pytest.mark.parametrize(
    ("name", "command"),
    [
        ("quickstart", "lab run notebooks/10_baseline.ipynb -p rate 2000 -p target kubernetes"),
        ("baseline", "lab run notebooks/50_worker_dies.ipynb -p target kubernetes"),
        ("test", "lab runs open 2026-11-23-065312-k3f9-quickstart"),
    ],
)
def test_the_next_command_stays_on_the_cluster(name: str, command: str) -> None:
    """The next question is about the same system."""
    assert conclusion(on_a_cluster(named(name))).command == command


def test_a_run_that_may_not_be_believed_leads_to_the_doctor_of_its_target() -> None:
    """What is missing on this machine says nothing about a cluster."""
    assert conclusion(trials.invalid()).command == "lab doctor"
    assert conclusion(on_a_cluster(trials.invalid())).command == "lab doctor --target kubernetes"


def test_a_conclusion_names_the_place_of_the_run() -> None:
    """A run on a cluster is none of this machine."""
    assert "This is one run on kubernetes: its intervals" in repr(conclusion(on_a_cluster(trials.trial())))
