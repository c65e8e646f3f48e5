"""A trial in a few lines of text: verdict, validity, figures."""

import textwrap
from typing import Final

from lab.model import ObjectiveResult, Trial
from lab.reports import words

COLOURS: Final = {"MET": "32", "NOT_MET": "33", "INVALID": "90", "INCONCLUSIVE": "90"}
"""Headline → ANSI colour."""
INDENT: Final = " " * 8


def text(trial: Trial, *, colour: bool = False, width: int = 100) -> str:
    """Return four to a dozen lines; sentences are wrapped at *width* characters.

    Args:
        trial: The trial to summarise.
        colour: Whether the headline has an ANSI colour.
        width: Of a line, in characters.
    """
    lines = [_title(trial, colour=colour, width=width)]
    lines += _wrapped(f"{trial.validity.status:7s} {words.why_believed(trial)}", width)
    lines += [_objective(trial, result) for result in trial.verdict.objectives]
    lines += _wrapped(words.account(trial), width)
    lines += [line for sentence in words.circumstances(trial) for line in _wrapped(sentence, width)]
    return "\n".join(line.rstrip() for line in lines)


def _title(trial: Trial, *, colour: bool, width: int) -> str:
    """Return headline and experiment, with the run at the right margin."""
    head = words.headline(trial)
    headword, name, run = (
        words.HEADWORDS[head],
        f"{trial.experiment.name} on {words.place(trial)}",
        f"run {trial.run_id}",
    )
    gap = " " * max(2, width - 2 - len(headword) - 3 - len(name) - len(run))
    painted = f"\033[1;{COLOURS[head]}m{headword}\033[0m" if colour else headword
    return f"  {painted}   {name}{gap}{run}"


def _objective(trial: Trial, result: ObjectiveResult) -> str:
    observed = f"{result.label:22s} {words.figure(result):>10s}  {words.interval_or_note(result):38s}"
    return f"{INDENT}{observed} objective {words.bound(result):12s} {words.mark(trial, result)}"


def _wrapped(sentence: str, width: int) -> list[str]:
    return textwrap.wrap(sentence, width, initial_indent=INDENT, subsequent_indent=INDENT, break_on_hyphens=False)
