"""Keeps the recorded runs that a notebook shows in place of live runs."""

import shutil
from collections.abc import Iterator
from dataclasses import fields, is_dataclass, replace
from pathlib import Path
from typing import Final

from lab.analysis.judge import judge
from lab.errors import DataFault, UsageFault
from lab.files import new_folder
from lab.model import Experiment, Trial
from lab.runs.codec import decode, encode
from lab.runs.contents import MANIFEST
from lab.runs.evidence import load_trial, save_trial
from lab.runs.folder import RunFolder
from lab.runs.manifest import SUCCEEDED, write_manifest

RECORDED: Final = Path("tests") / "data" / "recorded"
"""Folder in the project; it holds a folder for each notebook, named after the notebook."""
LARGEST_BYTES: Final = 1 << 20
"""Of a recorded run; the repository holds one for each notebook."""
MOST_SHOWN: Final = 3
"""Differing parameters that an error shows."""
LONGEST_VALUE: Final = 120
"""Characters of such a parameter's value."""
ANSWERS: Final = ("validity", "verdict", "ledger", "comparison")
"""Parts of a trial that its evidence decides."""


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
    raise _not_recorded(f'no recorded run of "{experiment.name}"')


def recorded_of(project: Path, notebook: Path) -> Trial:
    """Return the recorded trial of a notebook, judged again.

    Raises:
        DataFault: The notebook has no recorded run, or the run cannot be read.
    """
    folder = project / RECORDED / notebook.stem
    if not (folder / MANIFEST).is_file():
        raise _not_recorded(f"no recorded run of {notebook}")
    trial = load_trial(folder)
    return judged_again(trial, trial.experiment)


def _not_recorded(attempted: str) -> DataFault:
    return DataFault(attempted, found=f"looked in {RECORDED}", next_step="unset LAB_REPLAY, or: make record")


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
    manifest, attempted = run.manifest(), f"{run.run_id} cannot be kept as a recorded run"
    if manifest.status != SUCCEEDED:
        raise UsageFault(
            attempted, found=f"its status is {manifest.status}", next_step=f"lab runs show {run.run_id}      (why)"
        )
    if not manifest.notebook:
        raise UsageFault(attempted, found="it belongs to no notebook", next_step="lab run NOTEBOOK, then keep that run")
    into = project / RECORDED / Path(manifest.notebook).stem
    try:
        with new_folder(into) as draft:
            _copy(run, draft)
            shutil.rmtree(into, ignore_errors=True)
    except OSError as error:
        step = f"df -h {project}      (room and permissions)"
        raise DataFault(attempted, found=str(error), next_step=step) from error
    except DataFault as error:
        raise DataFault(attempted, found=error.found, next_step=error.next_step) from error
    return into


def _copy(run: RunFolder, into: Path) -> None:
    """Write the part of a run that a replay reads, in today's schema."""
    save_trial(load_trial(run.path), into)
    write_manifest(into, run.manifest().portable())
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
