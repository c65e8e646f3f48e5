"""The traceback by which a Python program ended, as its log tells it."""

import json
import re
from collections.abc import Iterable
from typing import Final, NamedTuple

BEGINNING: Final = "Traceback (most recent call last):"
FRAME: Final = re.compile(r'^\s+File "(?P<file>[^"]+)", line (?P<line>\d+)')
RAISED: Final = re.compile(r"^(?:[A-Za-z_]\w*\.)*[A-Za-z_]\w*(?:: |:?$)")
"""The line below the frames: the name of the exception, and its message where it has one."""


class Traceback(NamedTuple):
    """What was raised, and the last frame, of the project's own frames if there is one."""

    raised: str
    file: str
    line: int

    @property
    def kind(self) -> str:
        """The name of the exception, as Python prints it."""
        return self.raised.partition(":")[0]


def last_traceback(lines: Iterable[str], *, project: re.Pattern[str]) -> Traceback | None:
    """Return the last traceback in a log, also from a field of a JSON line; None where there is none.

    Args:
        lines: Lines of the log.
        project: Matches the whole path of a file of the project.
    """
    frames: list[re.Match[str]] = []
    last = None
    for line in (part for entry in lines for part in _text(entry).splitlines()):
        if line.startswith(BEGINNING):
            frames = []
        elif match := FRAME.match(line):
            frames.append(match)
        elif frames and RAISED.match(line):
            own = [frame for frame in frames if project.fullmatch(frame["file"])]
            frame = (own or frames)[-1]
            last, frames = Traceback(line.strip(), frame["file"], int(frame["line"])), []
    return last


def _text(entry: str) -> str:
    if entry.startswith("{") and '"exception"' in entry:
        try:
            return str(json.loads(entry)["exception"])
        except (ValueError, KeyError):
            return entry
    return entry
