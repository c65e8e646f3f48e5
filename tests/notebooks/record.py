"""`make record`: runs every notebook live, keeps the runs for replays, stores the outputs that replays must have."""

import sys
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import nbformat.v4
from nbclient import NotebookClient

from lab.cli import main as lab
from lab.runs.notebooks.kernels import kernel_config
from lab.runs.replay import keep_recorded
from lab.settings import environment_with, load_settings
from lab.wiring import run_store

KEEP: Final = "keep_output"


def record(notebook: Path) -> None:
    """Run one notebook and keep its run, unless its objectives are not met."""
    if code := lab(["run", str(notebook)]):
        raise SystemExit(f"{notebook}: exit {code}; nothing was kept")
    settings = load_settings()
    folder = keep_recorded(run_store(settings).open("last"), settings.project)
    store_outputs(notebook)
    print(f"  recorded  {folder.relative_to(settings.project)}")


def store_outputs(notebook: Path) -> None:
    """Write the outputs of a replay into the cells that are checked; no other cell keeps an output."""
    original = read(notebook)
    writer: Any = nbformat.v4
    executed = executed_replay(notebook)
    for cell, replayed in zip(original.cells, executed.cells, strict=True):
        if cell.cell_type == "code":
            kept = KEEP in cell.metadata.get("tags", ())
            cell.outputs = replayed.outputs if kept else []
            # nbval takes a cell without a count for a cell that never ran.
            cell.execution_count = replayed.execution_count if kept else None
    notebook.write_text(writer.writes(original) + "\n", encoding="utf-8")


def read(notebook: Path) -> Any:
    """Return a notebook as it is on the disk."""
    reader: Any = nbformat.v4
    return reader.reads(notebook.read_text(encoding="utf-8"))


def executed_replay(notebook: Path) -> Any:
    """Return the notebook after a replay."""
    original = read(notebook)
    resources = {"metadata": {"path": notebook.parent}}
    with environment_with(LAB_REPLAY="1"), TemporaryDirectory(prefix="lab-") as sockets:
        config = kernel_config(Path(sockets))
        return NotebookClient(original, kernel_name="python3", config=config, resources=resources).execute()


def main(names: Sequence[str]) -> int:
    """Record the named notebooks, or all."""
    notebooks = [Path(name) for name in names] or sorted((load_settings().project / "notebooks").glob("*.ipynb"))
    for notebook in notebooks:
        record(notebook)
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
