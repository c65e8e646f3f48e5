"""Displays of a run: on a terminal, in a file that another process follows, and none."""

import json
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from pkgutil import resolve_name
from typing import Any, Final, TextIO

from lab.display.port import Display
from lab.load.port import Progress
from lab.model import Account
from lab.settings import LabSettings

BAR: Final = 10
POLL_S: Final = 0.1
CLEAR: Final = "\r\033[K"
WIDTH: Final = 140
IN_NOTEBOOK: Final = "lab.display.notebook:display_in_cell"


def stage_line(stage: str, message: str, seconds: float | None) -> str:
    """Return one line: the stage's name, a message, the seconds that it took."""
    took = f"{seconds:.1f} s" if seconds else ""
    return f"  {stage:13s} {message:<62s} {took:>7s}".rstrip()


def progress_line(stage: str, progress: Progress, *, of_s: float) -> str:
    """Return one line: a bar, the time, rates, batches in flight, latency."""
    elapsed = min(progress.elapsed_s, of_s)
    done = round(BAR * elapsed / of_s) if of_s > 0 else BAR
    return (
        f"  {stage:13s} {'▇' * done}{'░' * (BAR - done)} {elapsed:.0f}/{of_s:.0f} s  "
        f"offered {progress.offered_rate:,.0f}/s  acknowledged {progress.acknowledged_rate:,.0f}/s  "
        f"in flight {progress.in_flight}  p99 {progress.p99_ms:.1f} ms"
    )


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


class NoDisplay:
    """Shows nothing."""

    def stage(self, stage: str, message: str, seconds: float | None = None) -> None:
        """See `lab.display.port.Display`."""

    def progress(self, stage: str, progress: Progress, *, of_s: float) -> None:
        """See `lab.display.port.Display`."""


def display_for_this_process(settings: LabSettings) -> Display:
    """Return a file where `lab run` follows, the output of a cell in a notebook, else the terminal."""
    if settings.progress_file is not None:
        return FileDisplay(settings.progress_file)
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython else None
    if shell is None or not hasattr(shell, "kernel"):
        return TerminalDisplay(sys.stderr)
    display: Display | None = resolve_name(IN_NOTEBOOK)()
    return display or NoDisplay()


@contextmanager
def followed(path: Path, display: TerminalDisplay) -> Iterator[None]:
    """Show what a `FileDisplay` writes into a file for as long as the context lasts."""
    over = threading.Event()
    thread = threading.Thread(target=_follow, args=(path, display, over), name="progress", daemon=True)
    path.touch()
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
        display.clear()


def _follow(path: Path, display: Display, over: threading.Event) -> None:
    with path.open(encoding="utf-8") as file:
        rest = ""
        while True:
            last = over.wait(POLL_S)
            *lines, rest = (rest + file.read()).split("\n")
            for line in lines:
                _show(json.loads(line), display)
            if last:
                return


def _show(document: dict[str, Any], display: Display) -> None:
    if "progress" not in document:
        display.stage(document["stage"], document["message"], document["seconds"])
        return
    fields = document["progress"]
    progress = Progress(**{**fields, "account": Account(**fields["account"])})
    display.progress(document["stage"], progress, of_s=document["of_s"])
