"""Commands that measure: run a notebook, look at runs."""

import json
import shutil
import sys
import webbrowser
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from lab.errors import DataFault, UsageFault
from lab.settings import has_display, load_settings

EXIT_CODES: Final = {"MET": 0, "NOT_MET": 1, "INVALID": 2, "INCONCLUSIVE": 3}
SEVERITY: Final = ("MET", "NOT_MET", "INCONCLUSIVE", "INVALID")
EX_INTERRUPTED: Final = 130
LATEST: Final = 20

runs = typer.Typer(help="List, show, open, compare, prune runs.", no_args_is_help=True)

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Which = Annotated[str, typer.Argument(help="Id of a run, a part of it, or `last`.")]


def joined_parameters(words: Sequence[str]) -> list[str]:
    """`-p NAME VALUE` as one word for each parameter, since an option takes one.

    >>> joined_parameters(["run", "x.ipynb", "-p", "rate", "5", "--json"])
    ['run', 'x.ipynb', '-p', 'rate=5', '--json']
    """
    left, made = list(words), []
    while left:
        word = left.pop(0)
        made.append(word)
        if word in {"-p", "--parameter"} and left:
            name = left.pop(0)
            made.append(name if "=" in name or not left else f"{name}={left.pop(0)}")
    return made


def run(
    notebook: Annotated[Path, typer.Argument(help="The question, for example notebooks/10_baseline.ipynb.")],
    parameters: Annotated[
        list[str] | None, typer.Option("-p", "--parameter", metavar="NAME VALUE", help="A parameter; may be repeated.")
    ] = None,
    *,
    as_json: AsJson = False,
) -> int:
    """Run a notebook; the exit code tells its verdict, the worst where it makes several runs.

    0: objectives met, 1: not met, 2: invalid, 3: inconclusive.
    """
    from lab.display.progress import StreamProgress, followed  # noqa: PLC0415 - heavy
    from lab.runs.notebooks import PROGRESS, run_notebook  # noqa: PLC0415 - heavy
    from lab.runs.parameters import checked, parameters_of  # noqa: PLC0415 - heavy
    from lab.wiring import run_store  # noqa: PLC0415 - heavy

    settings = load_settings()
    given = checked([_pair(one) for one in parameters or ()], notebook)
    every = {one.name: one.default for one in parameters_of(notebook)} | given
    folder = run_store(settings).new(
        notebook.stem.lstrip("0123456789_"),
        notebook=_within(notebook, settings.project),
        target=str(every.get("target", "processes")),
        parameters=every,
    )
    show = StreamProgress(sys.stderr if as_json else sys.stdout)
    with followed(folder.path / PROGRESS, show):
        run_notebook(notebook, folder, given, project=settings.project)
    made = [folder, *(run_store(settings).open(name) for name in folder.manifest().get("also", ()))]
    manifests = [one.manifest() for one in made]
    if as_json:
        print(json.dumps(manifests[0], indent=2))
    else:
        for one in made:
            _tell(one.path, notebook)
    interrupted = any(manifest["status"] == "interrupted" for manifest in manifests)
    return EX_INTERRUPTED if interrupted else EXIT_CODES[max(map(_headline, manifests), key=SEVERITY.index)]


@runs.command("list")
def list_(*, as_json: AsJson = False) -> None:
    """The latest runs, newest first."""
    from lab.wiring import run_store  # noqa: PLC0415 - heavy

    rows = [_row(run.path) for run in run_store(load_settings()).all()[:LATEST]]
    if as_json:
        print(json.dumps(rows, indent=2))
    elif not rows:
        print("  no runs yet; next: lab run notebooks/00_quickstart.ipynb")
    for row in [] if as_json else rows:
        print(f"  {row['id']:48s} {row['status']:12s} {row['headline']:13s} {row['notebook']}")


@runs.command()
def show(which: Which = "last", *, as_json: AsJson = False) -> None:
    """One run: verdict, figures, ledger."""
    from lab.wiring import run_store  # noqa: PLC0415 - heavy

    folder = run_store(load_settings()).open(which)
    manifest = folder.manifest()
    if as_json:
        print(json.dumps(manifest, indent=2))
    elif manifest["status"] in {"succeeded", "interrupted"} and "verdict" in manifest:
        _tell(folder.path, Path(manifest["notebook"]))
    else:
        print(f"  {folder.run_id}  {manifest['status']}\n        {manifest.get('reason', '')}")


@runs.command("open")
def open_(which: Which = "last") -> None:
    """Open the report of a run, or say where it is."""
    from lab.wiring import run_store  # noqa: PLC0415 - heavy

    report = run_store(load_settings()).open(which).path / "report.html"
    if not report.exists():
        raise DataFault(
            f"{report} is not there", found="the run did not get that far", next_step=f"lab runs show {which}"
        )
    print(report)
    if has_display():
        webbrowser.open(report.as_uri())


@runs.command()
def compare(first: Which, second: Which) -> None:
    """Two runs side by side."""
    from lab.analysis import compare as comparison  # noqa: PLC0415 - heavy
    from lab.reports.words import belief, headline, number  # noqa: PLC0415 - heavy
    from lab.runs.evidence import load_trial  # noqa: PLC0415 - heavy
    from lab.wiring import run_store  # noqa: PLC0415 - heavy

    store = run_store(load_settings())
    one, other = (store.open(which) for which in (first, second))
    trials = (load_trial(one.path), load_trial(other.path))
    print(f"  {one.run_id} → {other.run_id}")
    for name, read in (("verdict", headline), ("validity", belief)):
        said = [read(trial) for trial in trials]
        print(f"  {name:24s} " + (f"both {said[0]}" if said[0] == said[1] else " → ".join(said)))
    for difference in comparison.compare(*trials):
        values = [difference.first, difference.second]
        shown = [f"{number(value) if value is not None else '–':>10s}" for value in values]
        ratio = f"× {difference.ratio:.2f}" if difference.ratio is not None else ""
        print(f"  {difference.name:24s} {' → '.join(shown)} {difference.unit:9s} {ratio}")
    print(f"  {comparison.CAVEAT}")


@runs.command()
def prune(keep: Annotated[int, typer.Option(min=0, help="How many of the newest stay.")] = 20) -> None:
    """Remove old runs; what is running stays."""
    from lab.wiring import run_store  # noqa: PLC0415 - heavy

    removed = run_store(load_settings()).prune(keep=keep)
    print(f"  removed {len(removed)} runs")


def _pair(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals:
        raise UsageFault(f"-p {name}: a name and a value are needed", next_step=f"-p {name} VALUE", code="BAD_PARAM")
    return name, value


def _within(notebook: Path, project: Path) -> str:
    """The notebook's path as it reads from the project's folder."""
    path = notebook.resolve()
    return str(path.relative_to(project)) if path.is_relative_to(project) else path.name


def _row(path: Path) -> dict[str, str]:
    from lab.runs.folder import RunFolder  # noqa: PLC0415 - heavy

    folder = RunFolder(path)
    try:
        manifest = folder.manifest()
    except DataFault:
        return {"id": path.name, "status": "damaged", "headline": "", "notebook": ""}
    headline = _headline(manifest) if "verdict" in manifest else ""
    return {"id": path.name, "status": manifest["status"], "headline": headline, "notebook": manifest["notebook"]}


def _headline(manifest: Mapping[str, Any]) -> str:
    return str(manifest["verdict"]["status"] or manifest["validity"]["status"])


def _tell(folder: Path, notebook: Path) -> None:
    """The text of a run, and where to go on."""
    from lab.reports import summary  # noqa: PLC0415 - heavy
    from lab.reports.answer import conclusion  # noqa: PLC0415 - heavy
    from lab.runs.evidence import load_trial  # noqa: PLC0415 - heavy

    trial = load_trial(folder)
    width = min(120, max(80, shutil.get_terminal_size(fallback=(110, 24)).columns))
    print("\n" + summary.text(trial, colour=sys.stdout.isatty(), width=width) + "\n")
    print(f"  report    {_shown(folder / 'report.html')}")
    print(f"  notebook  {_shown(folder / notebook.name)}")
    print(f"  next      {conclusion(trial).command}")


def _shown(path: Path) -> str:
    """From here where that is shorter."""
    here = Path.cwd()
    return str(path.relative_to(here)) if path.is_relative_to(here) else str(path)
