"""A trial as a card: verdict, objectives, the way of every event, and whether the trial may be believed."""

from html import escape
from typing import Final

from lab.model import ObjectiveResult, Trial
from lab.reports import flow, words

COLOURS: Final = {"MET": "#007a5a", "NOT_MET": "#b35900", "INVALID": "#5f6368", "INCONCLUSIVE": "#5f6368"}
"""Headline → background; white text has a contrast of at least 4.5 to 1, and the word stands beside the colour."""


def html(trial: Trial) -> str:
    """Return the card for a notebook or a report; styles are inline, text has the colour of its surroundings."""
    head = words.headline(trial)
    rows = "".join(_objective(trial, result) for result in trial.verdict.objectives)
    return (
        '<div style="border:1px solid rgba(128,128,128,.35);border-radius:10px;overflow:hidden;max-width:920px;'
        'font-family:system-ui,sans-serif;font-size:14px;line-height:1.45">'
        f"{_header(trial, head)}"
        '<div style="padding:14px 18px">'
        f'<table style="border-collapse:collapse;width:100%;margin:0 0 16px">{rows}</table>'
        f"{flow.svg(trial.ledger)}{_fine_print(trial)}</div></div>"
    )


def _header(trial: Trial, head: str) -> str:
    return (
        f'<div style="background:{COLOURS[head]};color:#fff;padding:10px 18px;display:flex;gap:14px;'
        'align-items:baseline;flex-wrap:wrap">'
        f'<span style="font-size:19px;font-weight:700;letter-spacing:.02em">{words.HEADWORDS[head]}</span>'
        f"<span>{escape(trial.experiment.name)} on {escape(words.place(trial))}</span>"
        f'<span style="margin-left:auto;font-size:12px;opacity:.9">{escape(trial.run_id)}</span></div>'
    )


def _objective(trial: Trial, result: ObjectiveResult) -> str:
    cell = "border:0;padding:4px 14px 4px 0;text-align:left;background:transparent"
    faint = f'<span style="opacity:.65">{escape(words.interval_or_note(result))}</span>'
    return (
        f'<tr style="background:transparent"><td style="{cell}">{words.mark(trial, result)} {escape(result.label)}</td>'
        f'<td style="{cell};font-weight:700;white-space:nowrap">{escape(words.figure(result))}</td>'
        f'<td style="{cell}">{faint}</td>'
        f'<td style="{cell};white-space:nowrap">objective {escape(words.bound(result))}</td>'
        f'<td style="{cell}">{_bar(trial, result)}</td></tr>'
    )


def _bar(trial: Trial, result: ObjectiveResult) -> str:
    """Return the figure as a bar that is full at the bound and beyond; grey in a run that may not be believed."""
    if result.observed is None or result.objective.threshold <= 0:
        return ""
    share = min(1.0, result.observed / result.objective.threshold)
    colour = COLOURS["INVALID" if trial.validity.status == "INVALID" else result.status]
    return (
        '<div style="width:90px;height:8px;border-radius:4px;background:rgba(128,128,128,.25)">'
        f'<div style="width:{100 * share:.0f}%;height:8px;border-radius:4px;background:{colour}"></div></div>'
    )


def _fine_print(trial: Trial) -> str:
    sentences = (words.belief(trial), words.telemetry(trial), *words.circumstances(trial), _origin(trial))
    lines = "<br>".join(map(escape, sentences))
    return f'<div style="font-size:12px;opacity:.75;margin-top:10px">{lines}</div>'


def _origin(trial: Trial) -> str:
    """Return the store, the target, and the revision of the lab."""
    store = trial.evidence.store_facts
    revision = str(trial.environment.get("git_sha", ""))[:10]
    dirty = " (changed since)" if trial.environment.get("dirty") else ""
    origin = f"store {store.kind} {store.version}, {store.durability}; target {trial.experiment.target}"
    return f"{origin}; revision {revision}{dirty}" if revision else origin
