"""Numbers and names as people read them."""

import math
from itertools import pairwise

from lab.analysis.breakdown import Share, breakdown
from lab.analysis.warnings import warnings_of
from lab.model import ObjectiveResult, Trial

HEADWORDS = {"MET": "MET", "NOT_MET": "NOT MET", "INVALID": "INVALID", "INCONCLUSIVE": "INCONCLUSIVE"}


def headline(trial: Trial) -> str:
    """The one word a trial comes down to: MET, NOT_MET, INVALID, INCONCLUSIVE."""
    return trial.verdict.status or trial.validity.status


def number(value: float) -> str:
    """Three significant digits, thousands separated; whole numbers as they are; a dash for what is none.

    >>> number(12345.0), number(3.14159), number(0.01234), number(250.4), number(float("nan"))
    ('12,345', '3.14', '0.0123', '250', '–')
    """
    if not math.isfinite(value):
        return "–"
    if value == int(value) and abs(value) < 1e15:
        return f"{int(value):,}"
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:#.3g}".rstrip(".") if abs(value) >= 1e-4 else f"{value:.2g}"


def figure(result: ObjectiveResult) -> str:
    """What was observed, with its unit; a dash where nothing could be."""
    if result.observed is None:
        return "–"
    return number(result.observed) if result.unit == "events" else f"{number(result.observed)} {result.unit}"


def interval(result: ObjectiveResult) -> str:
    """The interval within this run, or the note."""
    if result.low is None or result.high is None:
        return result.note
    return f"[{number(result.low)}, {number(result.high)}] within this run"


def bound(result: ObjectiveResult) -> str:
    """What was asked."""
    threshold = number(result.objective.threshold)
    if result.objective.kind in {"lost", "double-counted"}:
        return threshold
    sign = {"throughput": "≥", "recovery": "≤"}.get(result.objective.kind, "<")
    return f"{sign} {threshold} {result.unit}"


def mark(result: ObjectiveResult) -> str:
    """A tick, a cross, or a question mark."""
    return {"MET": "✓", "NOT_MET": "✗", "INCONCLUSIVE": "?"}[result.status]


def place(trial: Trial) -> str:
    """Where it ran."""
    return "this machine" if trial.experiment.target == "processes" else trial.experiment.target


def why_believed(trial: Trial) -> str:
    """What was looked at, or why the run may not be believed."""
    reasons = trial.validity.reasons
    return "; ".join(reason.message for reason in reasons) if reasons else ", ".join(trial.validity.checked)


def belief(trial: Trial) -> str:
    """Whether the run may be believed, and why."""
    return f"{trial.validity.status}: {why_believed(trial)}"


def account(trial: Trial) -> str:
    """The ledger in one line: equal numbers once, every difference with the place where it arose."""
    ledger = trial.ledger
    steps = ("intended", "sent", "acknowledged", "accepted", "counted")
    said = f"intended {ledger.intended:,}"
    for before, step in pairwise(steps):
        equal = getattr(ledger, before) == getattr(ledger, step)
        said += f" = {step}" if equal else f", {step} {getattr(ledger, step):,}"
    odd = {"refused": ledger.refused, "unknown": ledger.unknown, "backlog": ledger.backlog, "residual": ledger.residual}
    odd |= {"duplicates": ledger.duplicates, "lost": ledger.lost}
    extra = "".join(f", {name} {value:,}" for name, value in odd.items() if value)
    return f"{said}; dead {ledger.dead:,}, twice {ledger.double_counted:,}{extra}; {telemetry(trial)}"


def telemetry(trial: Trial) -> str:
    """What Prometheus says beside the ledger."""
    comparison = trial.comparison
    if comparison.prometheus_counted is None:
        return "Prometheus has no series"
    if not comparison.difference and not comparison.attributions:
        return "Prometheus agrees"
    parts = ", ".join(f"{one.events:+,} {one.cause}" for one in comparison.attributions)
    return f"Prometheus misses {comparison.difference:,} ({parts})"


def notes(trial: Trial) -> tuple[str, ...]:
    """What a reader should know: the generator's own notes, and what the evidence shows."""
    return (*trial.evidence.load_run.notes, *warnings_of(trial.evidence))


def places(trial: Trial) -> str:
    """Who counted how much, at what cost, where there are several; else an empty text."""
    counted, found = trial.ledger.counted, breakdown(trial.evidence)
    return "; ".join(_place(one, counted) for one in found) if len(found) > 1 and counted else ""


def _place(share: Share, counted: int) -> str:
    where = " on ".join(filter(None, (share.place.architecture, share.place.node)))
    cost = share.worker_cpu.value
    spent = f" at {number(cost)} ms of CPU per 1,000 events" if cost is not None else ""
    return f"{where or 'elsewhere'} counted {100 * share.counted / counted:.0f} %{spent}"


def machine_pauses(trial: Trial) -> str:
    """Stalls of the machine itself, or an empty text."""
    pauses = trial.evidence.pauses_s
    if not pauses:
        return ""
    longest_ms = 1e3 * max(seconds for _, seconds in pauses)
    return f"the machine itself paused {len(pauses)} times, for at most {number(longest_ms)} ms"
