"""What a trial answers, in the same words for the same record."""

from dataclasses import dataclass
from html import escape
from typing import Final

from lab.model import LedgerAccount, ObjectiveResult, Trial
from lab.reports import words
from lab.reports.ledger_words import every_number

NEXT: Final = {
    "quickstart": "lab run notebooks/10_baseline.ipynb -p rate 2000",
    "baseline": "lab run notebooks/50_worker_dies.ipynb",
}
"""Experiment → the command that asks the next question."""
WITHOUT_VERDICT: Final = {"INVALID": "may not be believed", "INCONCLUSIVE": "is not enough to judge by"}
"""Headline of a run without a verdict → what to say of the run."""


@dataclass(frozen=True, slots=True)
class Answer:
    """The answer in lines of plain text, which a regression test compares."""

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
        """Return a line for each sentence, then the command."""
        return "\n".join([*self.sentences, f"Next: {self.command}"])

    def _repr_html_(self) -> str:
        body = " ".join(escape(sentence) for sentence in self.sentences)
        return f"<p>{body}</p><p>Next: <code>{escape(self.command)}</code></p>"


def answer(trial: Trial) -> Answer:
    """Return validity, verdict, every objective with its figures, and every number of the ledger.

    Returns:
        One line for each; figures with their units and 95 % intervals, the ledger in events.
    """
    numbers = ", ".join(f"{name} {events:,}" for name, events in every_number(trial.ledger).items())
    return Answer(
        (
            f"validity {trial.validity.status}: {words.why_believed(trial)}",
            f"verdict {trial.verdict.status}",
            *(_objective(result) for result in trial.verdict.objectives),
            f"ledger {numbers}",
            f"telemetry: {words.telemetry(trial)} (ledger {trial.comparison.ledger_counted:,})",
        )
    )


def conclusion(trial: Trial) -> Conclusion:
    """Return what the trial shows, what may not be concluded, and what to try next.

    Returns:
        Sentences, and a command to paste into a terminal.
    """
    head = words.headline(trial)
    if head in WITHOUT_VERDICT:
        return Conclusion((f"This run {WITHOUT_VERDICT[head]}: {words.why_believed(trial)}.",), "lab doctor")
    missed = [result for result in trial.verdict.objectives if result.status == "NOT_MET"]
    sentences = (
        "Every objective was met." if not missed else f"Not met: {', '.join(map(_missed, missed))}.",
        _exactness(trial.ledger),
        "This is one run on one machine: its intervals say how steady it was, not what the next run will show.",
    )
    return Conclusion(sentences, NEXT.get(trial.experiment.name, f"lab runs show {trial.run_id}"))


def _objective(result: ObjectiveResult) -> str:
    observed = f"{words.figure(result)} {words.interval_or_note(result)}"
    return f"{result.label}: {observed}, objective {words.bound(result)}: {result.status}"


def _missed(result: ObjectiveResult) -> str:
    return f"{result.label} was {words.figure(result)}, wanted {words.bound(result)}"


def _exactness(ledger: LedgerAccount) -> str:
    if ledger.lost or ledger.double_counted:
        return f"{ledger.lost:,} events were lost and {ledger.double_counted:,} counted twice."
    return "Every acknowledged event was counted exactly once."
