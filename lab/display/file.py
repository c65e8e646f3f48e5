"""Shows a run in a file of JSON lines, and shows such a line on another display."""

import json
import math
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from lab.display.port import Display
from lab.load.port import Progress


@dataclass(frozen=True, slots=True)
class StageLine:
    """A line that tells of a stage; see `Display.stage`."""

    stage: str
    message: str
    seconds: float | None = None


@dataclass(frozen=True, slots=True)
class ProgressLine:
    """A line that tells of the progress of a load; see `Display.progress`."""

    stage: str
    progress: Progress
    of_s: float


Line = StageLine | ProgressLine


class FileDisplay:
    """Appends to a file that another process follows, a JSON document a line."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def stage(self, stage: str, message: str, seconds: float | None = None) -> None:
        """See `lab.display.port.Display`."""
        self._write(StageLine(stage, message, seconds))

    def progress(self, stage: str, progress: Progress, *, of_s: float) -> None:
        """See `lab.display.port.Display`."""
        self._write(ProgressLine(stage, progress, of_s))

    def _write(self, line: Line) -> None:
        with self._path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(asdict(line)) + "\n")


def parsed(text: str) -> Line | None:
    """Return a line of a `FileDisplay`; None for any other text, such as half a line of a process that was killed.

    >>> parsed('{"stage": "store", "message": "valkey 9.1", "seconds": 0.2}')
    StageLine(stage='store', message='valkey 9.1', seconds=0.2)
    >>> parsed('{"stage": "sto') is None
    True
    """
    try:
        line = _lines().validate_json(text)
    except ValidationError:
        return None
    # A latency may be unknown, which is NaN; a time may not.
    return None if isinstance(line, ProgressLine) and not math.isfinite(line.progress.elapsed_s) else line


def show_line(text: str, display: Display) -> None:
    """Show a line of a `FileDisplay` on another display; any other text is left out."""
    line = parsed(text)
    if isinstance(line, StageLine):
        display.stage(line.stage, line.message, line.seconds)
    elif line is not None:
        display.progress(line.stage, line.progress, of_s=line.of_s)


@cache
def _lines() -> TypeAdapter[Line]:
    """Return what reads a line; it is built when the first line is read, which few processes do."""
    return TypeAdapter(Line)
