"""Shows a run in the output of a notebook's cell."""

from typing import TYPE_CHECKING, Protocol

from IPython.display import display

from lab.display.lines import progress_line, stage_line
from lab.load.port import Progress

if TYPE_CHECKING:
    from collections.abc import Callable


class Handle(Protocol):
    """The part of an IPython display handle that the display uses."""

    def update(self, obj: object, **options: object) -> None:
        """Replace the output."""


class NotebookDisplay:
    """Shows all stages and the latest progress in one output below the cell."""

    def __init__(self, handle: Handle) -> None:
        self._handle = handle
        self._lines: list[str] = []

    def stage(self, stage: str, message: str, seconds: float | None = None) -> None:
        """See `lab.display.port.Display`."""
        self._lines.append(stage_line(stage, message, seconds))
        self._update(self._lines)

    def progress(self, stage: str, progress: Progress, *, of_s: float) -> None:
        """See `lab.display.port.Display`."""
        self._update([*self._lines, progress_line(stage, progress, of_s=of_s)])

    def _update(self, lines: list[str]) -> None:
        self._handle.update({"text/plain": "\n".join(lines)}, raw=True)


def display_in_cell() -> NotebookDisplay | None:
    """Return a display in the cell that runs; None where IPython gives no handle."""
    show: Callable[..., Handle | None] = display
    handle = show({"text/plain": "  starting"}, raw=True, display_id=True)
    return NotebookDisplay(handle) if handle is not None else None
