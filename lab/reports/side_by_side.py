"""One load on one architecture after the other, as a table."""

from collections.abc import Iterator, Sequence
from typing import Final

from lab.analysis.compare import CAVEAT
from lab.analysis.side_by_side import Compared, architecture_of, emulation_of, keeps_up, side_by_side
from lab.errors import UsageFault
from lab.model import Trial
from lab.reports import words
from lab.reports.answer import answer
from lab.reports.table import Table, interval, shown

CAN_SAY: Final = {True: "keeps up: every objective was met", False: "does not keep up: an objective was not met"}


def table(trials: Sequence[Trial]) -> Table:
    """A row for each figure, a column for each architecture; below them what follows, and every trial's answer.

    Raises:
        UsageFault: There is no trial.
    """
    if not trials:
        raise UsageFault("nothing to put side by side", next_step="lab.run_on_each_architecture(experiment)")
    names = [architecture_of(trial) for trial in trials]
    rows = [("validity", *(trial.validity.status for trial in trials))]
    rows += [("verdict", *(words.HEADWORDS.get(trial.verdict.status or "", "–") for trial in trials))]
    rows += [_row(one) for one in side_by_side(trials)]
    answers = [line for name, trial in zip(names, trials, strict=True) for line in (f"{name}:", *answer(trial).lines)]
    return Table(("", *names), tuple(rows), tuple(_follows(names, trials)), tuple(answers))


def _row(compared: Compared) -> tuple[str, ...]:
    first, *others = compared.values
    ratios = (f" × {words.number(one.value)} {interval(one)}".rstrip() if one.value else "" for one in compared.ratios)
    next(ratios)
    cells = (shown(one) + ratio for one, ratio in zip(others, ratios, strict=True))
    return (f"{compared.name}, {compared.unit}", shown(first), *cells)


def _follows(names: Sequence[str], trials: Sequence[Trial]) -> Iterator[str]:
    """What may be concluded, a sentence each."""
    for name, trial in zip(names, trials, strict=True):
        up = keeps_up(trial)
        if up is not None:
            yield f"{name} {CAN_SAY[up]}."
        elif how := emulation_of(trial):
            yield f"Nobody can say whether {name} keeps up: it was emulated ({how})."
        else:
            yield f"Nobody can say whether {name} keeps up: {words.why_believed(trial)}."
        account = trial.evidence.load_run.account
        if account.acknowledged < account.intended:
            answered = f"{account.acknowledged:,} of {account.intended:,} events"
            yield f"{name} acknowledged {answered}: ask at a lower rate, too."
    if len(trials) == 1:
        yield f"{names[0]} is the only architecture here: there is nothing to compare it with."
    else:
        yield f"This is {CAVEAT}."
