"""The newest lines that programs of a local stack logged."""

import re
from typing import Final

from lab.snapshots.programs import ProgramProbe

NEWEST: Final = 30
"""Lines at the end of a program's log; earlier lines are of earlier starts."""


def newest_lines(program: ProgramProbe) -> tuple[str, ...]:
    """Return the lines at the end of a program's log that hold text."""
    return tuple(line.strip() for line in program.log[-NEWEST:] if line.strip())


def last_line(program: ProgramProbe, pattern: re.Pattern[str]) -> str:
    """Return the last of a program's newest lines that matches; empty where none does."""
    return next((line for line in reversed(newest_lines(program)) if pattern.search(line)), "")
