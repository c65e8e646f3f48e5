"""Chooses the display of a run that this process carries out."""

import sys
from pkgutil import resolve_name
from typing import Final

from lab.display.file import FileDisplay
from lab.display.port import Display
from lab.display.silent import NoDisplay
from lab.display.terminal import TerminalDisplay
from lab.settings import LabSettings

IN_CELL: Final = "lab.display.notebook:display_in_cell"
"""Returns the display of a notebook's cell; a name, since IPython is loaded only in a notebook."""


def display_for_this_process(settings: LabSettings, shell: object | None, *, in_cell: str = IN_CELL) -> Display:
    """Return a file where `lab run` follows, the output of a cell in a notebook, else the terminal.

    Args:
        settings: Name the file that `lab run` follows, if any.
        shell: IPython's shell; None outside of IPython. The shell of a notebook has a kernel.
        in_cell: Name of the function that returns the display of a cell, or None where the cell has no output.
    """
    if settings.progress_file is not None:
        return FileDisplay(settings.progress_file)
    if not hasattr(shell, "kernel"):
        return TerminalDisplay(sys.stderr)
    display: Display | None = resolve_name(in_cell)()
    return display or NoDisplay()
