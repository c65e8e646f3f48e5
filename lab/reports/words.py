"""The words for a trial: short texts and sentences, the same in a terminal, in a card and in a report."""

import math
from itertools import pairwise
from typing import Final

from lab.analysis.breakdown import Share, breakdown
from lab.analysis.estimate import WITHIN
from lab.analysis.objectives import kind_of
from lab.analysis.warnings import warnings_of
from lab.model import LedgerAccount, ObjectiveResult, Refusal, Trial
from lab.model.plurals import counted, was
from lab.reports.ledger_words import always_stated, stated_unless_zero, steps
from lab.reports.numbers import interval, number

HEADWORDS: Final = {"MET": "MET", "NOT_MET": "NOT MET", "INVALID": "INVALID", "INCONCLUSIVE": "INCONCLUSIVE"}
"""Headline of a trial → the same as people read it."""


def headline(trial: Trial) -> str:
    """Return the one word for a trial: MET, NOT_MET, INVALID, INCONCLUSIVE."""
    return trial.verdict.status or trial.validity.status


def figure(result: ObjectiveResult) -> str:
    """Return what was observed, with its unit unless it is a count of events; a dash where nothing was observed."""
    if result.observed is None or result.unit == "events":
        return number(result.observed)
    return f"{number(result.observed)} {result.unit}"


def interval_or_note(result: ObjectiveResult) -> str:
    """Return the interval within this run; the note where there is no interval, or where the figure is infinite."""
    infinite = result.observed is not None and math.isinf(result.observed)
    ends = interval(result.low, result.high)
    return f"{ends} {WITHIN}" if ends and not infinite else result.note


def bound(result: ObjectiveResult) -> str:
    """Return the threshold, with sign and unit unless it is a count."""
    threshold, sign = number(result.objective.threshold), kind_of(result.objective).sign
    return f"{sign} {threshold} {result.unit}" if sign else threshold


def mark(trial: Trial, result: ObjectiveResult) -> str:
    """Return a tick, a cross, or a question mark; a dot in a run that may not be believed."""
    if trial.validity.status == "INVALID":
        return "·"
    return {"MET": "✓", "NOT_MET": "✗", "INCONCLUSIVE": "?"}[result.status]


def place(trial: Trial) -> str:
    """Return where the trial ran."""
    return trial.place or trial.experiment.target


def why_believed(trial: Trial) -> str:
    """Return what speaks against the run; what was checked where nothing does."""
    reasons = trial.validity.reasons
    return "; ".join(reason.message for reason in reasons) if reasons else ", ".join(trial.validity.checked)


def belief(trial: Trial) -> str:
    """Return whether the run may be believed, and why."""
    return f"{trial.validity.status}: {why_believed(trial)}"


def account(trial: Trial) -> str:
    """Return the ledger in one line: the path of the events, what happened beside it, and how Prometheus differs."""
    ledger = trial.ledger
    not_zero = {name: events for name, events in stated_unless_zero(ledger).items() if events}
    beside = ", ".join(f"{name} {events:,}" for name, events in (always_stated(ledger) | not_zero).items())
    return f"{_path(ledger)}; {beside}; {telemetry(trial)}"


def _path(ledger: LedgerAccount) -> str:
    """Return the steps with their events; a step with as many events as the step before shows no number."""
    counts = list(steps(ledger).items())
    first, intended = counts[0]
    path = f"{first} {intended:,}"
    for (_, before), (step, events) in pairwise(counts):
        path += f" = {step}" if events == before else f", {step} {events:,}"
    return path


def telemetry(trial: Trial) -> str:
    """Return how Prometheus differs from the ledger, and what lost the events."""
    comparison, difference = trial.comparison, trial.comparison.difference
    if difference is None:
        return "Prometheus has no series"
    if not difference and not comparison.attributions:
        return "Prometheus agrees"
    parts = ", ".join(f"{attribution.events:+,} {attribution.cause}" for attribution in comparison.attributions)
    differs = f"misses {difference:,}" if difference >= 0 else f"counted {-difference:,} more"
    return f"Prometheus {differs} ({parts})"


def circumstances(trial: Trial) -> tuple[str, ...]:
    """Return sentences on where events were counted, what disturbed the machine, and what else a reader must know."""
    sentences = (places(trial), machine_pauses(trial), disturbance(trial), *notes(trial))
    return tuple(sentence for sentence in sentences if sentence)


def notes(trial: Trial) -> tuple[str, ...]:
    """Return the reasons of refusals, the generator's notes, and the warnings that follow from the evidence."""
    load_run = trial.evidence.load_run
    return (*map(_refusal, load_run.refusals), *load_run.notes, *warnings_of(trial.evidence))


def _refusal(refusal: Refusal) -> str:
    message = f": {refusal.message}" if refusal.message else ""
    return f"{counted(refusal.events, 'event')} {was(refusal.events)} refused with {refusal.reason}{message}"


def places(trial: Trial) -> str:
    """Return how much each place counted, and at what cost; an empty text where there is only one place."""
    counted, shares = trial.ledger.counted, breakdown(trial.evidence)
    return "; ".join(_place(share, counted) for share in shares) if len(shares) > 1 and counted else ""


def _place(share: Share, counted: int) -> str:
    where = " on ".join(filter(None, (share.place.architecture, share.place.node)))
    cost = share.worker_cpu.value
    spent = f" at {number(cost)} ms of CPU per 1,000 events" if cost is not None else ""
    return f"{where or 'elsewhere'} counted {100 * share.counted / counted:.0f} %{spent}"


def machine_pauses(trial: Trial) -> str:
    """Return the stalls of the machine itself; an empty text where there were none."""
    pauses = trial.evidence.pauses_s
    if not pauses:
        return ""
    longest_ms = 1e3 * max(seconds for _, seconds in pauses)
    return f"the machine itself paused {counted(len(pauses), 'time')}, for at most {number(longest_ms)} ms"


def disturbance(trial: Trial) -> str:
    """Return who used the machine while the generator was behind, and what to do; an empty text in any other run."""
    behind = any(reason.code == "generator-behind" for reason in trial.validity.reasons)
    uses = trial.evidence.cpu_uses
    if not behind or not uses:
        return ""
    users = ", ".join(f"{use.program} {100 * use.share:.0f} %" for use in uses)
    return f"this machine's CPUs meanwhile: {users}; end what does not belong here, or ask at a lower rate, and repeat"
