"""Shows a run on a terminal, or in a stream that is no terminal."""

from typing import Final, TextIO

from lab.display.lines import progress_line, stage_line
from lab.load.port import Progress

CLEAR: Final = "\r\033[K"
"""Moves the cursor to the start of the line and erases the line, so that the next text takes its place."""
WIDTH: Final = 140
"""Characters that a line of progress may have; a line that wraps cannot be overwritten."""


class TerminalDisplay:
    """Writes a line for each stage; on a terminal, progress is one line that is overwritten."""

    def __init__(self, stream: TextIO) -> None:
        self._stream, self._live = stream, stream.isatty()

    def stage(self, stage: str, message: str, seconds: float | None = None) -> None:
        """See `lab.display.port.Display`."""
        self._stream.write((CLEAR if self._live else "") + stage_line(stage, message, seconds) + "\n")
        self._stream.flush()

    def progress(self, stage: str, progress: Progress, *, of_s: float) -> None:
        """See `lab.display.port.Display`."""
        if self._live:
            self._stream.write(CLEAR + progress_line(stage, progress, of_s=of_s)[:WIDTH])
            self._stream.flush()

    def clear(self) -> None:
        """Remove the line of progress."""
        if self._live:
            self._stream.write(CLEAR)
            self._stream.flush()
