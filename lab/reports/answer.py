"""What a trial answers, in the same words for the same record."""

from dataclasses import dataclass, fields
from html import escape
from typing import Final

from lab.analysis.ledger import NO_PRODUCER_LEDGER, NOTHING_ACKNOWLEDGED
from lab.model import Experiment, ObjectiveResult, Trial
from lab.model.plurals import counted, was
from lab.reports import words
from lab.reports.ledger_words import every_number

NEXT: Final = {
    "quickstart": "lab run notebooks/10_baseline.ipynb -p rate 2000",
    "baseline": "lab run notebooks/50_worker_dies.ipynb",
}
"""Experiment → the command that asks the next question."""
WITHOUT_VERDICT: Final = {"INVALID": "may not be believed", "INCONCLUSIVE": "is not enough to judge by"}
"""Headline of a run without a verdict → what to say of the run."""
HERE: Final[object] = next(field.default for field in fields(Experiment) if field.name == "target")
"""The target that experiments and commands use unless another is named: this machine."""


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
            f"verdict {trial.verdict.status or 'none'}",
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
        return Conclusion((f"This run {WITHOUT_VERDICT[head]}: {words.why_believed(trial)}.",), _doctor(trial))
    missed = [result for result in trial.verdict.objectives if result.status == "NOT_MET"]
    sentences = (
        "Every objective was met." if not missed else f"Not met: {', '.join(map(_missed, missed))}.",
        _exactness(trial),
        f"This is one run on {_where(trial)}: its intervals say how steady it was, not what the next run will show.",
    )
    return Conclusion(sentences, _next(trial))


def _objective(result: ObjectiveResult) -> str:
    observed = f"{words.figure(result)} {words.interval_or_note(result)}"
    return f"{result.label}: {observed}, objective {words.bound(result)}: {result.status}"


def _missed(result: ObjectiveResult) -> str:
    return f"{result.label} was {words.figure(result)}, wanted {words.bound(result)}"


def _exactness(trial: Trial) -> str:
    """Return that every acknowledged event was counted once; else the events of which that is not so, or not known."""
    ledger = trial.ledger
    if not trial.evidence.load_run.producer_ledger:
        why = NO_PRODUCER_LEDGER if ledger.acknowledged else NOTHING_ACKNOWLEDGED
        return f"Nobody can say whether an event was lost or counted twice: {why.note}."
    open_ends = {"dead": ledger.dead, "in the backlog": ledger.backlog, "of unknown outcome": ledger.unknown}
    beside = ", ".join(f"{counted(events, 'event')} {state}" for state, events in open_ends.items() if events)
    if beside or ledger.lost or ledger.double_counted:
        lost = f"{counted(ledger.lost, 'event')} {was(ledger.lost)} lost and {ledger.double_counted:,} counted twice"
        return "; ".join(filter(None, (lost, beside))) + "."
    return "Every acknowledged event was counted exactly once."


def _where(trial: Trial) -> str:
    return "one machine" if trial.experiment.target == HERE else words.place(trial)


def _doctor(trial: Trial) -> str:
    """Return the command that examines the target of the trial."""
    target = trial.experiment.target
    return "lab doctor" if target == HERE else f"lab doctor --target {target}"


def _next(trial: Trial) -> str:
    """Return the command that asks the next question on the same target; the report where no question follows."""
    question, target = NEXT.get(trial.experiment.name), trial.experiment.target
    if question is None:
        return f"lab runs open {trial.run_id}"
    return question if target == HERE else f"{question} -p target {target}"
