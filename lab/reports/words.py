"""The words in which a trial is told: numbers, names, sentences."""

import math
from itertools import pairwise

from lab.analysis.breakdown import Share, breakdown
from lab.analysis.objectives import kind_of
from lab.analysis.warnings import warnings_of
from lab.model import ObjectiveResult, Refusal, Trial

HEADWORDS = {"MET": "MET", "NOT_MET": "NOT MET", "INVALID": "INVALID", "INCONCLUSIVE": "INCONCLUSIVE"}


def headline(trial: Trial) -> str:
    """Return the one word for a trial: MET, NOT_MET, INVALID, INCONCLUSIVE."""
    return trial.verdict.status or trial.validity.status


def number(value: float) -> str:
    """Return three significant digits with separated thousands; all digits of a whole number; a dash for NaN.

    >>> number(12345.0), number(3.14159), number(0.01234), number(250.4), number(float("nan")), number(float("inf"))
    ('12,345', '3.14', '0.0123', '250', '–', '∞')
    """
    if math.isnan(value):
        return "–"
    if math.isinf(value):
        return "∞" if value > 0 else "-∞"
    if value == int(value) and abs(value) < 1e15:
        return f"{int(value):,}"
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:#.3g}".rstrip(".") if abs(value) >= 1e-4 else f"{value:.2g}"


def figure(result: ObjectiveResult) -> str:
    """Return what was observed, with its unit; a dash where nothing could be."""
    if result.observed is None:
        return "–"
    return number(result.observed) if result.unit == "events" else f"{number(result.observed)} {result.unit}"


def interval(result: ObjectiveResult) -> str:
    """Return the interval within this run; the note where there is none, or where the figure is infinite."""
    if result.low is None or result.high is None or (result.observed is not None and math.isinf(result.observed)):
        return result.note
    return f"[{number(result.low)}, {number(result.high)}] within this run"


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
    """Return why the run may not be believed, or what was checked."""
    reasons = trial.validity.reasons
    return "; ".join(reason.message for reason in reasons) if reasons else ", ".join(trial.validity.checked)


def belief(trial: Trial) -> str:
    """Return whether the run may be believed, and why."""
    return f"{trial.validity.status}: {why_believed(trial)}"


def account(trial: Trial) -> str:
    """Return the ledger in one line: equal numbers are told once, and every number that should be 0 and is not."""
    ledger = trial.ledger
    path = f"intended {ledger.intended:,}"
    for before, step in pairwise(("intended", "sent", "acknowledged", "accepted", "counted")):
        equal = getattr(ledger, before) == getattr(ledger, step)
        path += f" = {step}" if equal else f", {step} {getattr(ledger, step):,}"
    odd = {"refused": ledger.refused, "unknown": ledger.unknown, "backlog": ledger.backlog, "residual": ledger.residual}
    odd |= {"duplicates": ledger.duplicates, "lost": ledger.lost}
    extra = "".join(f", {name} {value:,}" for name, value in odd.items() if value)
    return f"{path}; dead {ledger.dead:,}, double-counted {ledger.double_counted:,}{extra}; {telemetry(trial)}"


def telemetry(trial: Trial) -> str:
    """Return how Prometheus differs from the ledger."""
    comparison = trial.comparison
    if comparison.prometheus_counted is None:
        return "Prometheus has no series"
    if not comparison.difference and not comparison.attributions:
        return "Prometheus agrees"
    parts = ", ".join(f"{attribution.events:+,} {attribution.cause}" for attribution in comparison.attributions)
    return f"Prometheus misses {comparison.difference:,} ({parts})"


def notes(trial: Trial) -> tuple[str, ...]:
    """Return the reasons of refusals, the generator's notes, and the warnings that follow from the evidence."""
    load_run = trial.evidence.load_run
    return (*map(_refusal, load_run.refusals), *load_run.notes, *warnings_of(trial.evidence))


def _refusal(refusal: Refusal) -> str:
    message = f": {refusal.message}" if refusal.message else ""
    return f"{refusal.events:,} events were refused with {refusal.reason}{message}"


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
    return f"the machine itself paused {len(pauses)} times, for at most {number(longest_ms)} ms"


def disturbance(trial: Trial) -> str:
    """Return who used the machine while the generator was behind, and what to do; an empty text in any other run."""
    behind = any(reason.code == "generator-behind" for reason in trial.validity.reasons)
    uses = trial.evidence.cpu_uses
    if not behind or not uses:
        return ""
    users = ", ".join(f"{use.program} {100 * use.share:.0f} %" for use in uses)
    return f"this machine's CPUs meanwhile: {users}; end what does not belong here, or ask at a lower rate, and repeat"
