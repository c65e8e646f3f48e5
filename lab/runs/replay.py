"""Keeps and replays recorded runs, which a notebook shows in place of live runs."""

import json
import shutil
from collections.abc import Iterator
from dataclasses import fields, is_dataclass, replace
from pathlib import Path
from typing import Final

from lab.analysis.judge import judge
from lab.errors import DataFault, UsageFault
from lab.files import new_folder, write_text
from lab.model import Experiment, Trial
from lab.runs.codec import decode, encode
from lab.runs.contents import MANIFEST
from lab.runs.evidence import load_trial, save_trial
from lab.runs.facts import SUCCEEDED
from lab.runs.folder import SCHEMA, RunFolder

RECORDED: Final = Path("tests") / "data" / "recorded"
LARGEST_BYTES: Final = 1 << 20
"""Of a recorded run; the repository holds one for each notebook."""
MOST_SHOWN: Final = 3
LONGEST_VALUE: Final = 120
ANSWERS: Final = ("validity", "verdict", "ledger", "comparison")
LOCAL: Final = frozenset({"process", "measuring", "exit_code", "error"})
"""Facts of the manifest that mean nothing on another machine."""


def recorded_for(project: Path, experiment: Experiment) -> Trial:
    """Return the recorded trial of an experiment, judged again; a note names every answer that differs.

    Raises:
        UsageFault: The recorded parameters differ; the message names both values.
        DataFault: There is no recorded run of that name, or the run cannot be read.
    """
    for manifest in sorted((project / RECORDED).glob(f"*/{MANIFEST}")):
        trial = load_trial(manifest.parent)
        if trial.experiment.name == experiment.name:
            _check_same(experiment, trial.experiment)
            return judged_again(trial, experiment)
    raise DataFault(
        f'no recorded run of "{experiment.name}"',
        found=f"looked in {RECORDED}",
        next_step="unset LAB_REPLAY, or: make record",
    )


def judged_again(trial: Trial, experiment: Experiment) -> Trial:
    """Return the trial under today's analysis; a note names every answer that differs from the recorded one."""
    validity, verdict, ledger, comparison = judge(experiment, trial.evidence)
    now = replace(trial, validity=validity, verdict=verdict, ledger=ledger, comparison=comparison)
    answers, recorded = ({name: _rounded(encode(getattr(judged, name))) for name in ANSWERS} for judged in (now, trial))
    changed = [name for name in ANSWERS if answers[name] != recorded[name]]
    if not changed:
        return now
    note = f"judged differently than when it was recorded: {', '.join(changed)}"
    load_run = replace(trial.evidence.load_run, notes=(*trial.evidence.load_run.notes, note))
    return replace(now, evidence=replace(trial.evidence, load_run=load_run))


def keep_recorded(run: RunFolder, project: Path) -> Path:
    """Keep the part of a run that a replay reads, in place of the notebook's previous recorded run; return the folder.

    Raises:
        UsageFault: The run did not succeed, belongs to no notebook, or is too large; the previous run stays.
        DataFault: The run lacks a file, or cannot be written; the previous run stays.
    """
    facts = run.facts()
    if facts.status != SUCCEEDED:
        raise UsageFault(f"{run.run_id} cannot be kept as a recorded run", found=f"its status is {facts.status}")
    if not facts.notebook:
        raise UsageFault(f"{run.run_id} cannot be kept as a recorded run", found="it belongs to no notebook")
    into = project / RECORDED / Path(facts.notebook).stem
    try:
        with new_folder(into) as draft:
            _copy(run, draft)
            shutil.rmtree(into, ignore_errors=True)
    except (OSError, DataFault) as error:
        raise DataFault(f"{run.run_id} cannot be kept as a recorded run", found=str(error)) from error
    return into


def _copy(run: RunFolder, into: Path) -> None:
    """Write the part of a run that a replay reads, in today's schema."""
    save_trial(load_trial(run.path), into)
    kept = {name: fact for name, fact in run.manifest().items() if name not in LOCAL}
    write_text(into / MANIFEST, json.dumps(kept | {"schema": SCHEMA}, indent=2) + "\n")
    size = sum(path.stat().st_size for path in into.iterdir())
    if size > LARGEST_BYTES:
        raise UsageFault(
            f"{run.run_id} holds {size:,} bytes, limit {LARGEST_BYTES:,}", next_step="record a shorter run"
        )


def _rounded(data: object) -> object:
    """Return JSON without the last digits of its floats, which differ between builds of numpy."""
    if isinstance(data, dict):
        return {key: _rounded(value) for key, value in data.items()}
    if isinstance(data, list):
        return [_rounded(item) for item in data]
    return float(f"{data:.9g}") if isinstance(data, float) else data


def _check_same(requested: Experiment, recorded: Experiment) -> None:
    different = list(_different(_plain(requested), _plain(recorded), ""))
    if different:
        raise UsageFault(
            f'"{requested.name}" was recorded with other parameters',
            found="\n".join(different[:MOST_SHOWN]),
            next_step="leave the parameters at their defaults, or unset LAB_REPLAY to run it live",
        )


def _different(requested: object, recorded: object, place: str) -> Iterator[str]:
    """Yield a line for each innermost field that differs, with both values."""
    if is_dataclass(requested) and type(requested) is type(recorded):
        for field in fields(requested):
            values = getattr(requested, field.name), getattr(recorded, field.name)
            yield from _different(*values, f"{place}.{field.name}")
    elif requested != recorded:
        yield f"{place[1:]}: recorded {_brief(recorded)}, requested {_brief(requested)}"


def _brief(value: object) -> str:
    text = repr(value)
    return text if len(text) <= LONGEST_VALUE else f"{text[: LONGEST_VALUE - 1]}…"


def _plain(value: object) -> object:
    """Return a value in which lists are tuples, at every depth."""
    return decode(encode(value))
