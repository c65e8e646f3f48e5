"""Recorded runs: what a notebook shows when nothing is to be started."""

import json
import shutil
from collections.abc import Iterator
from dataclasses import fields, is_dataclass, replace
from pathlib import Path
from typing import Any, Final

from lab.analysis.judge import judge
from lab.errors import DataFault, UsageFault
from lab.model import Experiment, Trial
from lab.runs.codec import decode, encode
from lab.runs.evidence import SPANS, TRIAL, load_trial
from lab.runs.folder import MANIFEST, SUCCEEDED, Manifest, RunFolder

RECORDED: Final = Path("tests") / "data" / "recorded"
LARGEST_BYTES: Final = 1 << 20
TABLES: Final = ("samples", "series", "totals", "windows", "producer_ledger", "producer_ledger_unknown")
MOST_SHOWN: Final = 3
LONGEST_VALUE: Final = 120
ANSWERS: Final = ("validity", "verdict", "ledger", "comparison")
SPARE: Final = frozenset({"process", "measuring", "exit_code"})
"""Facts of the manifest that mean nothing elsewhere."""


def recorded_for(project: Path, experiment: Experiment) -> Trial:
    """The recorded trial of an experiment, judged again; its notes say where it is judged otherwise than it was.

    Raises:
        UsageFault: It was recorded with other parameters; both are named.
        DataFault: There is no recorded run of that name, or it cannot be read.
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
    """The same evidence under today's analysis; a note names every answer that is not the recorded one."""
    validity, verdict, ledger, comparison = judge(experiment, trial.evidence)
    now = replace(trial, validity=validity, verdict=verdict, ledger=ledger, comparison=comparison)
    changed = [name for name in ANSWERS if _said(getattr(now, name)) != _said(getattr(trial, name))]
    if not changed:
        return now
    note = f"judged otherwise than when it was recorded: {', '.join(changed)}"
    load_run = replace(trial.evidence.load_run, notes=(*trial.evidence.load_run.notes, note))
    return replace(now, evidence=replace(trial.evidence, load_run=load_run))


def keep_recorded(run: RunFolder, project: Path) -> Path:
    """Copy what a replay reads of a run to where the recorded ones are, in place of the one before.

    Raises:
        UsageFault: The run did not succeed, belongs to no notebook, or is too large; the one before stays.
        DataFault: The run lacks a file, or cannot be written.
    """
    manifest = run.manifest()
    if manifest["status"] != SUCCEEDED:
        raise UsageFault(f"{run.run_id} cannot be kept as a recorded run", found=f"its status is {manifest['status']}")
    if not manifest.get("notebook"):
        raise UsageFault(f"{run.run_id} cannot be kept as a recorded run", found="it belongs to no notebook")
    into = project / RECORDED / Path(manifest["notebook"]).stem
    beside = into.with_name(f".{into.name}")
    try:
        _copy(run, manifest, beside)
        shutil.rmtree(into, ignore_errors=True)
        beside.rename(into)
    except OSError as error:
        raise DataFault(f"{run.run_id} cannot be kept as a recorded run", found=str(error)) from error
    finally:
        shutil.rmtree(beside, ignore_errors=True)
    return into


def _copy(run: RunFolder, manifest: Manifest, into: Path) -> None:
    shutil.rmtree(into, ignore_errors=True)
    into.mkdir(parents=True)
    for name in (TRIAL, SPANS, *(f"{table}.parquet" for table in TABLES)):
        shutil.copyfile(run.path / name, into / name)
    kept = {name: fact for name, fact in manifest.items() if name not in SPARE}
    (into / MANIFEST).write_text(json.dumps(kept, indent=2) + "\n", encoding="utf-8")
    size = sum(path.stat().st_size for path in into.iterdir())
    if size > LARGEST_BYTES:
        raise UsageFault(
            f"{run.run_id} holds {size:,} bytes, limit {LARGEST_BYTES:,}", next_step="record a shorter run"
        )


def _said(value: object) -> object:
    """What an answer says; the last digits of a float may differ between two builds of numpy."""
    return _rounded(encode(value))


def _rounded(data: object) -> object:
    if isinstance(data, dict):
        return {key: _rounded(one) for key, one in data.items()}
    if isinstance(data, list):
        return [_rounded(one) for one in data]
    return float(f"{data:.9g}") if isinstance(data, float) else data


def _check_same(asked: Experiment, recorded: Experiment) -> None:
    different = list(_different(_plain(asked), _plain(recorded), ""))
    if different:
        raise UsageFault(
            f'"{asked.name}" was recorded with other parameters',
            found="\n".join(different[:MOST_SHOWN]),
            next_step="leave the parameters at their defaults, or unset LAB_REPLAY to run it live",
        )


def _different(asked: Any, recorded: Any, where: str) -> Iterator[str]:  # noqa: ANN401  a field of any depth
    """A line for each innermost field that differs, with both values."""
    if is_dataclass(asked) and type(asked) is type(recorded):
        for one in fields(asked):
            yield from _different(getattr(asked, one.name), getattr(recorded, one.name), f"{where}.{one.name}")
    elif asked != recorded:
        yield f"{where[1:]}: recorded {_brief(recorded)}, asked {_brief(asked)}"


def _brief(value: object) -> str:
    text = repr(value)
    return text if len(text) <= LONGEST_VALUE else f"{text[: LONGEST_VALUE - 1]}…"


def _plain(value: object) -> object:
    """Lists and tuples are the same here, at every depth, and so are 5 and 5.0."""
    return decode(encode(value))
