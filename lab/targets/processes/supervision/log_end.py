"""Reads the end of a program's log."""

import shutil
from contextlib import suppress
from pathlib import Path
from typing import Final

LINES: Final = 5
"""Last lines of a log that the state keeps of a program that failed."""
BYTES: Final = 8_192
"""End of a log that is read for these lines."""
LONGEST_LINE: Final = 300
"""Characters of such a line."""
FULL_BYTES: Final = 262_144
"""A disk with less free space is full: a program that writes more than a line at a time fails on it."""


def last_lines(log: Path) -> tuple[str, ...]:
    """Return the last lines of a log that are not blank; none where there is no log."""
    try:
        text = log.read_bytes()[-BYTES:].decode(errors="replace")
    except OSError:
        return ()
    lines = [line.rstrip()[:LONGEST_LINE] for line in text.splitlines() if line.strip()]
    return tuple(lines[-LINES:])


def last_line(log: Path) -> str:
    """Return the last line of a log that is not blank; empty where there is none."""
    return "".join(last_lines(log)[-1:])


def last_words(log: Path, folder: Path) -> str:
    """Return the last line of a log, and that the disk is full where it is: few programs say so themselves.

    Args:
        log: Log of a program that ended.
        folder: Folder on the disk that the program writes to.
    """
    line = last_line(log)
    with suppress(OSError):
        if shutil.disk_usage(folder).free < FULL_BYTES:
            return f"no space is left on the disk of {folder}; {line}".rstrip("; ")
    return line
