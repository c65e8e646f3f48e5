"""Decides what the end of a notebook means for its run. Pure."""

from pathlib import Path
from typing import Final, NamedTuple

from lab.errors import DataFault, InternalFault, LabError, UsageFault
from lab.interrupts import Interrupted
from lab.runs.manifest import FAILED, INTERRUPTED, RunManifest

NOT_MEASURED: Final = "the notebook ended without calling lab.run"
INTERRUPTS: Final = frozenset({"KeyboardInterrupt", "Interrupted"})
"""Errors of a cell that an interrupt ended."""
SHOWN_CHARACTERS: Final = 300
"""Of an error that a cell raised."""


class FailedCell(NamedTuple):
    """A cell that raised an error.

    Attributes:
        execution: The cell's execution count, as a notebook shows it; None where it has none.
        error: Class of the error.
        words: The error in words.
    """

    execution: int | None
    error: str
    words: str


def end_of(manifest: RunManifest, notebook: Path) -> InternalFault | None:
    """Return the fault of a notebook whose cells all ended well and whose run did not; None where the run did, too.

    Args:
        manifest: The manifest of the notebook's run, after the last cell.
        notebook: The notebook, which the fault names.

    >>> print(end_of(RunManifest(), Path("a.ipynb")).attempted)
    a.ipynb: the notebook ended without calling lab.run
    """
    if manifest.is_running:
        step = "call lab.run(experiment) in one of its cells"
        return InternalFault(f"{notebook}: {NOT_MEASURED}", found="no trial was measured", next_step=step)
    if manifest.status == FAILED:
        attempted, step = f"{notebook}: its run failed, and the notebook went on", f"lab runs show {manifest.id}"
        return InternalFault(attempted, found=manifest.reason, next_step=step)
    return None


def error_of(cell: FailedCell, notebook: Path, *, kept: LabError | None, number: int) -> LabError | KeyboardInterrupt:
    """Return the error with which a notebook ends after a cell failed.

    Args:
        cell: The cell.
        notebook: The notebook, which the error names.
        kept: The LabError that the cell raised, as its kernel kept it; None for any other error.
        number: The last signal, which an interrupt carries on.

    >>> print(error_of(FailedCell(3, "KeyError", "'x'"), Path("a.ipynb"), kept=None, number=2))
    a.ipynb: cell 3 failed
      KeyError: 'x'
      do: lab run --debug … shows where
    """
    if cell.error in INTERRUPTS:
        return Interrupted(number)
    return kept or InternalFault(
        f"{notebook.name}: cell {cell.execution} failed",
        found=f"{cell.error}: {cell.words}"[:SHOWN_CHARACTERS],
        next_step="lab run --debug … shows where",
    )


def was_refused(manifest: RunManifest, error: BaseException) -> bool:
    """Return whether a run was misused before it measured anything, so that nothing of it is worth keeping."""
    return manifest.is_fresh and isinstance(error, UsageFault | DataFault)


def has_recorded_end(manifest: RunManifest) -> bool:
    """Return whether the run itself recorded that it failed or was interrupted, and when."""
    return manifest.status in {FAILED, INTERRUPTED} and bool(manifest.ended)
