"""Trials beside each other: a table for a notebook, lines for a terminal."""

from collections.abc import Iterator, Sequence
from typing import Final

from lab.analysis.comparison import (
    CAVEAT,
    MEASURED,
    ComparedFigure,
    compare,
    emulation_of,
    labels_of,
    meets_objectives,
)
from lab.analysis.estimate import Estimate
from lab.errors import UsageFault
from lab.model import Trial
from lab.reports import words
from lab.reports.answer import answer
from lab.reports.numbers import MISSING, number, with_interval
from lab.reports.table import Table

MEETS_OBJECTIVES: Final = {True: "meets its objectives", False: "misses an objective"}


def table(trials: Sequence[Trial]) -> Table:
    """Return trials in columns: figures with intervals, ratios to the first trial, whether each meets its objectives.

    Args:
        trials: At least one; the first is what the others are compared with.

    Returns:
        One row for each figure, with its unit, and one column for each trial. Figures of trials that may not be
        believed are left out. Conclusions and the answer of each trial stand below.

    Raises:
        UsageFault: There is no trial.
    """
    if not trials:
        raise UsageFault("nothing to put side by side", next_step="lab.run_on_each_architecture(experiment)")
    names = labels_of(trials)
    rows = [("validity", *(trial.validity.status for trial in trials))]
    rows += [("verdict", *(words.HEADWORDS.get(trial.verdict.status or "", MISSING) for trial in trials))]
    rows += [_row(figure) for figure in compare(trials, MEASURED, believed_only=True)]
    answers = [line for name, trial in zip(names, trials, strict=True) for line in (f"{name}:", *answer(trial).lines)]
    return Table(("", *names), tuple(rows), tuple(_conclusions(names, trials)), tuple(answers))


def lines(first: Trial, second: Trial) -> tuple[str, ...]:
    """Return two trials as lines of text: verdict and validity, every figure with its ratio, and the caveat."""
    trials, figures = (first, second), compare((first, second))
    width = max(len(figure.name) for figure in figures)
    return (
        f"{first.run_id} → {second.run_id}",
        f"{'verdict':{width}s} {_both(*(words.HEADWORDS[words.headline(trial)] for trial in trials))}",
        f"{'validity':{width}s} {_both(*map(words.belief, trials))}",
        *(_line(figure, width) for figure in figures),
        CAVEAT,
    )


def _row(figure: ComparedFigure) -> tuple[str, ...]:
    first, *later = figure.values
    cells = (
        f"{with_interval(value)} {_ratio(ratio)}".rstrip() for value, ratio in zip(later, figure.ratios, strict=True)
    )
    return (f"{figure.name}, {figure.unit}", with_interval(first), *cells)


def _ratio(ratio: Estimate) -> str:
    return f"× {with_interval(ratio)}" if ratio.value else ""


def _line(figure: ComparedFigure, width: int) -> str:
    values = " → ".join(f"{number(estimate.value):>10s}" for estimate in figure.values)
    (ratio,) = figure.ratios
    factor = f"× {ratio.value:.2f}" if ratio.value is not None else ""
    return f"{figure.name:{width}s} {values} {figure.unit:9s} {factor}".rstrip()


def _both(first: str, second: str) -> str:
    """Return a pair of texts; an equal pair once."""
    return f"both {first}" if first == second else f"{first} → {second}"


def _conclusions(names: Sequence[str], trials: Sequence[Trial]) -> Iterator[str]:
    """Yield what may be concluded, sentence by sentence."""
    for name, trial in zip(names, trials, strict=True):
        yield _meets_objectives(name, trial)
        account = trial.evidence.load_run.account
        if account.acknowledged < account.intended:
            acknowledged = f"{account.acknowledged:,} of {account.intended:,} events"
            yield f"{name} acknowledged {acknowledged}: ask at a lower rate, too."
    if len(trials) == 1:
        yield "This is the only trial here: there is nothing to compare it with."
    else:
        yield f"This is {CAVEAT}."


def _meets_objectives(name: str, trial: Trial) -> str:
    answered = meets_objectives(trial)
    if answered is not None:
        return f"{name} {MEETS_OBJECTIVES[answered]}."
    why = f"it was emulated ({emulation})" if (emulation := emulation_of(trial)) else words.why_believed(trial)
    return f"Nobody can say whether {name} meets its objectives: {why}."
