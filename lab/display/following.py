"""Follows the file in which another process shows its run."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from lab.display.file import show_line
from lab.display.port import Display
from lab.display.terminal import TerminalDisplay

POLL_S: Final = 0.1
"""Seconds between two reads of the file; a person sees no delay, and a read costs next to nothing."""


@contextmanager
def followed(path: Path, display: TerminalDisplay) -> Iterator[None]:
    """Show what a `FileDisplay` writes into a file for as long as the context lasts; leave other lines out."""
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
    with path.open(encoding="utf-8", errors="replace") as file:
        rest = ""
        while True:
            last = over.wait(POLL_S)
            *lines, rest = (rest + file.read()).split("\n")
            for line in lines:
                show_line(line, display)
            if last:
                return
