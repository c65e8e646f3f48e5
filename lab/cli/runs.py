"""Commands for the runs that are kept: list, show, open, compare, prune."""

import shutil
import sys
import webbrowser
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated, Final, NamedTuple

import typer

from lab.cli.answers import print_answer, print_json
from lab.cli.options import AsJson
from lab.errors import DataFault
from lab.model import Trial
from lab.model.plurals import counted
from lab.reports import summary
from lab.reports.answer import conclusion
from lab.reports.comparison import lines
from lab.reports.report import REPORT
from lab.runs.evidence import load_trial
from lab.runs.folder import RunFolder
from lab.runs.manifest import INTERRUPTED, SUCCEEDED
from lab.settings import has_display, load_settings
from lab.wiring import run_store

LATEST: Final = 20
"""Runs that a list shows."""
DAMAGED: Final = "damaged"
"""In place of the status of a run that cannot be read."""

Which = Annotated[str, typer.Argument(help="Id of a run, a part of it, or `last`.")]


class Row(NamedTuple):
    """A run in the list."""

    id: str
    status: str
    headline: str
    notebook: str


def list_(*, as_json: AsJson = False) -> None:
    """The latest runs, newest first."""
    rows = [_row(run) for run in run_store(load_settings()).all()[:LATEST]]
    print_answer(_lines(rows), [row._asdict() for row in rows], as_json=as_json)


def show(which: Which = "last", *, as_json: AsJson = False) -> None:
    """One run: verdict, figures, ledger."""
    folder = run_store(load_settings()).open(which)
    if as_json:
        print_json(folder.document())
        return
    manifest = folder.manifest()
    if manifest.status in {SUCCEEDED, INTERRUPTED} and manifest.headline:
        show_text(folder.path, Path(manifest.notebook))
    else:
        print(f"  {folder.run_id}  {manifest.status}\n        {manifest.reason}")


def open_(which: Which = "last") -> None:
    """Open the report of a run, or say where it is."""
    report = run_store(load_settings()).open(which).path / REPORT
    if not report.exists():
        raise DataFault(
            f"{report} is not there", found="the run ended before its report", next_step=f"lab runs show {which}"
        )
    print(report)
    if has_display():
        webbrowser.open(report.absolute().as_uri())


def compare(first: Which, second: Which) -> None:
    """Two runs side by side."""
    store = run_store(load_settings())
    for line in lines(*(load_trial(store.open(which).path) for which in (first, second))):
        print(f"  {line}")


def prune(keep: Annotated[int, typer.Option(min=0, help="How many of the newest runs stay.")] = 20) -> None:
    """Remove old runs; running runs stay."""
    removed = run_store(load_settings()).prune(keep=keep)
    print(f"  removed {counted(len(removed), 'run')}")


def show_text(folder: Path, notebook: Path) -> None:
    """Print a run, where its files are, and the next command."""
    trial = load_trial(folder)
    show_card(trial)
    print(f"  report    {from_here(folder / REPORT)}")
    print(f"  notebook  {from_here(folder / notebook.name)}")
    print(f"  next      {conclusion(trial).command}")


def show_card(trial: Trial) -> None:
    """Print the card of a trial as wide as the terminal, 80 to 120 columns."""
    width = min(120, max(80, shutil.get_terminal_size(fallback=(110, 24)).columns))
    print("\n" + summary.text(trial, colour=sys.stdout.isatty(), width=width) + "\n")


def from_here(path: Path) -> str:
    """Return a path relative to the working folder where the path lies below it."""
    here = Path.cwd()
    return str(path.relative_to(here)) if path.is_relative_to(here) else str(path)


def _lines(rows: Sequence[Row]) -> Iterator[str]:
    """Yield a line for every run; without a run, the command that makes the first."""
    if not rows:
        yield "  no runs yet; next: lab run notebooks/00_quickstart.ipynb"
    for row in rows:
        yield f"  {row.id:48s} {row.status:12s} {row.headline:13s} {row.notebook}"


def _row(folder: RunFolder) -> Row:
    try:
        manifest = folder.manifest()
    except DataFault:
        return Row(folder.run_id, DAMAGED, "", "")
    return Row(folder.run_id, manifest.status, manifest.headline, manifest.notebook)
