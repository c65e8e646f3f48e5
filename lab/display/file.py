"""Shows a run in a file of JSON lines, and shows such a line on another display."""

import json
from dataclasses import asdict
from pathlib import Path

from lab.display.port import Display
from lab.load.port import Progress
from lab.model import Account


class FileDisplay:
    """Appends to a file that another process follows, a JSON document a line."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def stage(self, stage: str, message: str, seconds: float | None = None) -> None:
        """See `lab.display.port.Display`."""
        self._write({"stage": stage, "message": message, "seconds": seconds})

    def progress(self, stage: str, progress: Progress, *, of_s: float) -> None:
        """See `lab.display.port.Display`."""
        self._write({"stage": stage, "progress": asdict(progress), "of_s": of_s})

    def _write(self, document: dict[str, object]) -> None:
        with self._path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(document) + "\n")


def show_line(line: str, display: Display) -> None:
    """Show a line of a `FileDisplay` on another display."""
    document = json.loads(line)
    if "progress" not in document:
        display.stage(document["stage"], document["message"], document["seconds"])
        return
    fields = document["progress"]
    progress = Progress(**{**fields, "account": Account(**fields["account"])})
    display.progress(document["stage"], progress, of_s=document["of_s"])
