"""Says in words what a trial answers, the same words for the same record."""

from dataclasses import dataclass
from html import escape
from typing import Final

from lab.model import ObjectiveResult, Trial
from lab.reports import words

NEXT: Final = {
    "quickstart": "lab run notebooks/10_baseline.ipynb -p rate 2000",
    "baseline": "lab run notebooks/50_worker_dies.ipynb",
}
"""Experiment → the command that asks the next question."""


@dataclass(frozen=True, slots=True)
class Answer:
    """Lines of plain text, which a regression test compares."""

    lines: tuple[str, ...]

    def __repr__(self) -> str:
        """Return the lines."""
        return "\n".join(self.lines)


@dataclass(frozen=True, slots=True)
class Conclusion:
    """What follows from a trial, and a command to go on with."""

    sentences: tuple[str, ...]
    command: str

    def __repr__(self) -> str:
        """Return a sentence a line."""
        return "\n".join([*self.sentences, f"Next: {self.command}"])

    def _repr_html_(self) -> str:
        body = " ".join(escape(sentence) for sentence in self.sentences)
        return f"<p>{body}</p><p>Next: <code>{escape(self.command)}</code></p>"


def answer(trial: Trial) -> Answer:
    """Return validity, verdict, every objective with its figures, and every number of the ledger.

    Returns:
        One line for each; figures with their units and 95 % intervals, the ledger in events.
    """
    ledger = trial.ledger
    return Answer(
        (
            f"validity {trial.validity.status}: {words.why_believed(trial)}",
            f"verdict {trial.verdict.status}",
            *(_objective(result) for result in trial.verdict.objectives),
            "ledger " + ", ".join(f"{name} {getattr(ledger, name):,}" for name in ledger.__slots__),
            f"telemetry: {words.telemetry(trial)} (ledger {trial.comparison.ledger_counted:,})",
        )
    )


def conclusion(trial: Trial) -> Conclusion:
    """Return what the trial shows, what may not be concluded, and what to try next.

    Returns:
        Sentences, and a command to paste into a terminal.
    """
    head = words.headline(trial)
    if head in {"INVALID", "INCONCLUSIVE"}:
        word = "may not be believed" if head == "INVALID" else "is not enough to judge by"
        return Conclusion((f"This run {word}: {words.why_believed(trial)}.",), "lab doctor")
    missed = [result for result in trial.verdict.objectives if result.status == "NOT_MET"]
    exact = "Every acknowledged event was counted exactly once."
    inexact = f"{trial.ledger.lost:,} events were lost and {trial.ledger.double_counted:,} counted twice."
    sentences = (
        "Every objective was met." if not missed else f"Not met: {', '.join(map(_missed, missed))}.",
        inexact if trial.ledger.lost or trial.ledger.double_counted else exact,
        "This is one run on one machine: its intervals say how steady it was, not what the next run will show.",
    )
    return Conclusion(sentences, NEXT.get(trial.experiment.name, f"lab runs show {trial.run_id}"))


def _objective(result: ObjectiveResult) -> str:
    observed = f"{words.figure(result)} {words.interval(result)}"
    return f"{result.label}: {observed}, objective {words.bound(result)}: {result.status}"


def _missed(result: ObjectiveResult) -> str:
    return f"{result.label} was {words.figure(result)}, wanted {words.bound(result)}"
