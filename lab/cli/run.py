"""The command `lab run`: run a notebook, and tell its verdict by the exit code."""

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from pkgutil import resolve_name
from typing import Annotated, Final

import typer

from lab.cli.answers import print_json
from lab.cli.app import EXIT_CODES
from lab.cli.options import HERE, AsJson, name_and_value
from lab.cli.runs import from_here, show_card, show_text
from lab.display.following import followed
from lab.display.terminal import TerminalDisplay
from lab.errors import UsageFault, from_data
from lab.interrupts import Interrupted
from lab.model import Trial
from lab.runs.folder import PROGRESS, RunFolder
from lab.runs.manifest import FAILED, RunManifest
from lab.runs.notebooks.ends import end_of
from lab.runs.notebooks.parameters import checked, parameters_of
from lab.runs.replay import recorded_of
from lab.runs.store import RunStore
from lab.runs.trial_facts import facts_of
from lab.settings import LabSettings, load_settings
from lab.trials.possible import refuse_few_files
from lab.wiring import run_store

SEVERITY: Final = ("MET", "NOT_MET", "INCONCLUSIVE", "INVALID")
RUN_NOTEBOOK: Final = "lab.runs.notebooks.execution:run_notebook"
"""Loaded after the parameters are checked: papermill takes seconds to load."""


def run(
    notebook: Annotated[Path, typer.Argument(help="The question, for example notebooks/10_baseline.ipynb.")],
    parameters: Annotated[
        list[str] | None, typer.Option("-p", "--parameter", metavar="NAME VALUE", help="A parameter; may be repeated.")
    ] = None,
    *,
    as_json: AsJson = False,
) -> int:
    """Run a notebook; the exit code tells the verdict, the worst of several runs.

    0: objectives met, 1: not met, 2: invalid, 3: inconclusive.
    """
    settings = load_settings()
    given = checked([name_and_value(text, refusal=_without_value(text)) for text in parameters or ()], notebook)
    if settings.replay:
        return _replayed(recorded_of(settings.project, notebook), given, as_json=as_json)
    values = {parameter.name: parameter.default for parameter in parameters_of(notebook)} | given
    return _measured(notebook, values, given, settings, as_json=as_json)


def _measured(
    notebook: Path, values: Mapping[str, object], given: Mapping[str, object], settings: LabSettings, *, as_json: bool
) -> int:
    """Run a notebook, show its runs, and return the exit code of the worst verdict."""
    store = run_store(settings)
    refuse_few_files()
    folder = store.new(
        notebook.stem.lstrip("0123456789_"),
        notebook=_within(notebook, settings.project),
        target=str(values.get("target", HERE)),
        parameters=values,
    )
    try:
        with followed(folder.path / PROGRESS, TerminalDisplay(sys.stderr if as_json else sys.stdout)):
            resolve_name(RUN_NOTEBOOK)(notebook, folder, given, project=settings.project)
    except KeyboardInterrupt as interrupt:
        if folder.manifest().is_running:
            folder.end_by(interrupt)
        if not any(manifest.headline for manifest in _shown(folder, store, notebook, as_json=as_json)):
            print(f"  record    {from_here(folder.path)}      (nothing was measured)", file=sys.stderr)
        raise
    return _exit_code_of(_shown(folder, store, notebook, as_json=as_json), notebook)


def _shown(first: RunFolder, store: RunStore, notebook: Path, *, as_json: bool) -> list[RunManifest]:
    """Show every run of a notebook that was judged, as JSON the first run alone; return the manifests of all runs."""
    folders = [first, *map(store.open, first.manifest().also)]
    manifests = [folder.manifest() for folder in folders]
    if as_json:
        print_json(manifests[0].document())
        return manifests
    for folder, manifest in zip(folders, manifests, strict=True):
        if manifest.headline:
            show_text(folder.path, notebook)
    return manifests


def _exit_code_of(manifests: Sequence[RunManifest], notebook: Path) -> int:
    """Return the exit code of the worst verdict.

    Raises:
        LabError: A run failed, and the notebook went on; the error that ended the run.
        Interrupted: A run was interrupted before it measured anything, and the notebook went on.
    """
    for manifest in manifests:
        if manifest.status == FAILED and manifest.error:
            raise from_data(manifest.error)
        if fault := end_of(manifest, notebook):
            raise fault
        if not manifest.headline:
            raise Interrupted
    return EXIT_CODES[max((manifest.headline for manifest in manifests), key=SEVERITY.index)]


def _replayed(trial: Trial, given: Mapping[str, object], *, as_json: bool) -> int:
    """Show the recorded trial of a notebook, and return the exit code of its verdict; nothing is started."""
    if given:
        raise UsageFault(
            "cannot replay a run with other parameters",
            found=", ".join(given),
            next_step="leave the parameters at their defaults, or unset LAB_REPLAY to measure",
            code="BAD_PARAM",
        )
    if as_json:
        print_json(facts_of(trial))
    else:
        show_card(trial)
        print("  replay    a recorded run, judged again; nothing was measured      (unset LAB_REPLAY to measure)")
    return EXIT_CODES[trial.verdict.status or trial.validity.status]


def _without_value(name: str) -> UsageFault:
    return UsageFault(f"-p {name}: a name and a value are needed", next_step=f"-p {name} VALUE", code="BAD_PARAM")


def _within(notebook: Path, project: Path) -> str:
    """Return the notebook's path in the project; outside of it, its name."""
    path = notebook.resolve()
    return str(path.relative_to(project)) if path.is_relative_to(project) else path.name
