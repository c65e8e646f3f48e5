"""What a run is doing, shown where somebody looks: a terminal, a notebook, or a file between the two."""

import json
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, Protocol, TextIO

from lab.runs.record import Listener, Look
from lab.settings import LabSettings

BAR: Final = 10
LOOK_S: Final = 0.1
CLEAR: Final = "\r\033[K"


class Display(Protocol):
    """The part of an IPython display handle that is used."""

    def update(self, obj: object, **options: object) -> None:
        """Show something else in its place."""


def stage_line(stage: str, message: str, seconds: float | None) -> str:
    """One line: name, what happened, how long it took."""
    took = f"{seconds:.1f} s" if seconds else ""
    return f"  {stage:13s} {message:<62s} {took:>7s}".rstrip()


def progress_line(stage: str, look: dict[str, float], *, of_s: float) -> str:
    """One line: a bar, the time, rates, backlog at the sender, latency."""
    elapsed = min(look["elapsed_s"], of_s)
    done = round(BAR * elapsed / of_s) if of_s > 0 else BAR
    return (
        f"  {stage:13s} {'▇' * done}{'░' * (BAR - done)} {elapsed:.0f}/{of_s:.0f} s  "
        f"offered {look['offered_rate']:,.0f}/s  acknowledged {look['acknowledged_rate']:,.0f}/s  "
        f"in flight {look['in_flight']:.0f}  p99 {look['p99_ms']:.1f} ms"
    )


def look_of(progress: Look) -> dict[str, float]:
    """The figures of a look that are shown."""
    return {
        name: float(getattr(progress, name))
        for name in ("elapsed_s", "offered_rate", "acknowledged_rate", "in_flight", "p99_ms")
    }


class StreamProgress:
    """Shows stages, and on a terminal also how far a load is, in one line that is written over."""

    def __init__(self, stream: TextIO) -> None:
        self._stream, self._live = stream, stream.isatty()

    def stage(self, stage: str, message: str, seconds: float | None) -> None:
        """See `lab.runs.record.Listener`."""
        self._stream.write((CLEAR if self._live else "") + stage_line(stage, message, seconds) + "\n")
        self._stream.flush()

    def progress(self, stage: str, progress: Look, *, of_s: float) -> None:
        """See `lab.runs.record.Listener`."""
        self.look(stage, look_of(progress), of_s=of_s)

    def look(self, stage: str, look: dict[str, float], *, of_s: float) -> None:
        """Show figures."""
        if self._live:
            self._stream.write(CLEAR + progress_line(stage, look, of_s=of_s)[:140])
            self._stream.flush()

    def clear(self) -> None:
        """Leave no half line behind."""
        if self._live:
            self._stream.write(CLEAR)
            self._stream.flush()


class NotebookProgress:
    """Shows everything in one output below the cell."""

    def __init__(self, display: Display) -> None:
        self._display = display
        self._lines: list[str] = []

    def stage(self, stage: str, message: str, seconds: float | None) -> None:
        """See `lab.runs.record.Listener`."""
        self._lines.append(stage_line(stage, message, seconds))
        self._show("")

    def progress(self, stage: str, progress: Look, *, of_s: float) -> None:
        """See `lab.runs.record.Listener`."""
        self._show(progress_line(stage, look_of(progress), of_s=of_s))

    def _show(self, last: str) -> None:
        self._display.update({"text/plain": "\n".join(filter(None, [*self._lines, last]))}, raw=True)


class FileProgress:
    """Writes everything into a file that another process follows, a JSON document a line."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("a", encoding="utf-8")

    def stage(self, stage: str, message: str, seconds: float | None) -> None:
        """See `lab.runs.record.Listener`."""
        self._write({"stage": stage, "message": message, "seconds": seconds})

    def progress(self, stage: str, progress: Look, *, of_s: float) -> None:
        """See `lab.runs.record.Listener`."""
        self._write({"stage": stage, "look": look_of(progress), "of_s": of_s})

    def _write(self, document: dict[str, object]) -> None:
        self._file.write(json.dumps(document) + "\n")
        self._file.flush()


class Silent:
    """Shows nothing."""

    def stage(self, stage: str, message: str, seconds: float | None) -> None:
        """See `lab.runs.record.Listener`."""

    def progress(self, stage: str, progress: Look, *, of_s: float) -> None:
        """See `lab.runs.record.Listener`."""


def listener_for_this_process(settings: LabSettings) -> Listener:
    """A file where `lab run` follows, the output of a cell in a notebook, else the terminal."""
    if settings.progress_file is not None:
        return FileProgress(settings.progress_file)
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython else None
    if shell is None or not hasattr(shell, "kernel"):
        return StreamProgress(sys.stderr)
    from IPython.display import display  # noqa: PLC0415 - heavy

    show: Any = display
    handle = show({"text/plain": "  starting"}, raw=True, display_id=True)
    return NotebookProgress(handle) if handle is not None else Silent()


@contextmanager
def followed(path: Path, show: StreamProgress) -> Iterator[None]:
    """Show what is written into a progress file for as long as the context lasts."""
    over = threading.Event()
    thread = threading.Thread(target=_follow, args=(path, show, over), name="progress", daemon=True)
    path.touch()
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
        show.clear()


def _follow(path: Path, show: StreamProgress, over: threading.Event) -> None:
    with path.open(encoding="utf-8") as file:
        rest = ""
        while True:
            last = over.wait(LOOK_S)
            *lines, rest = (rest + file.read()).split("\n")
            for line in lines:
                _show(json.loads(line), show)
            if last:
                return


def _show(document: dict[str, Any], show: StreamProgress) -> None:
    if "look" in document:
        show.look(document["stage"], document["look"], of_s=document["of_s"])
    else:
        show.stage(document["stage"], document["message"], document["seconds"])
