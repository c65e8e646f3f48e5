"""A trial in a few lines of text: verdict, validity, figures."""

import textwrap

from lab.model import ObjectiveResult, Trial
from lab.reports import words

COLOURS = {"MET": "32", "NOT_MET": "33", "INVALID": "90", "INCONCLUSIVE": "90"}
INDENT = " " * 8


def text(trial: Trial, *, colour: bool = False, width: int = 100) -> str:
    """Return four to a dozen lines, with ANSI colours where they are asked for."""
    head = words.headline(trial)
    title = f"{trial.experiment.name} on {words.place(trial)}"
    run = f"run {trial.run_id}"
    gap = " " * max(2, width - 2 - len(words.HEADWORDS[head]) - 3 - len(title) - len(run))
    lines = [f"  {_painted(words.HEADWORDS[head], head, colour=colour)}   {title}{gap}{run}"]
    lines += _wrapped(f"{trial.validity.status:7s} {words.why_believed(trial)}", width)
    lines += [_objective(trial, result) for result in trial.verdict.objectives]
    lines += _wrapped(words.account(trial), width)
    sentences = (words.places(trial), words.machine_pauses(trial), words.disturbance(trial), *words.notes(trial))
    lines += [line for sentence in sentences for line in _wrapped(sentence, width)]
    return "\n".join(line.rstrip() for line in lines)


def _objective(trial: Trial, result: ObjectiveResult) -> str:
    observed = f"{result.label:22s} {words.figure(result):>10s}  {words.interval(result):38s}"
    return f"{INDENT}{observed} objective {words.bound(result):12s} {words.mark(trial, result)}"


def _wrapped(sentence: str, width: int) -> list[str]:
    return textwrap.wrap(sentence, width, initial_indent=INDENT, subsequent_indent=INDENT, break_on_hyphens=False)


def _painted(word: str, head: str, *, colour: bool) -> str:
    return f"\033[1;{COLOURS[head]}m{word}\033[0m" if colour else word
