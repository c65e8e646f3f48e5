"""Tells cells that hold values from cells that hold names, and shortens a cell for a message. Pure."""

import re
from collections.abc import Iterable
from typing import Final

NUMBER: Final = re.compile(r"\s*[-+]?(\d+[.,]?\d*|[.,]\d+)([eE][-+]?\d+)?\s*")
DATE: Final = re.compile(r"\s*\d{4}[-/.]\d{1,2}[-/.]\d{1,2}\s*|\s*\d{1,2}[-/.]\d{1,2}[-/.]\d{2,4}\s*")
MOMENT: Final = re.compile(r"\s*\d{1,4}[-/.]?\d{1,2}[-/.]?\d{1,4}[T ,]+\d{1,2}:?\d\d\b.*", re.DOTALL)
NO_TEXT: Final = re.compile(r"[\x00-\x08\x0e-\x1f]")
"""Characters that no text holds."""
LONGEST_VALUE: Final = 64
LONGEST_SHOWN: Final = 40
"""Characters of a cell that a message repeats."""


def is_value(cell: str) -> bool:
    """Return whether a cell holds a number, a date or a time.

    >>> [is_value(cell) for cell in ("21,5", "2026-11-20T10:00:00Z", "temp", "")]
    [True, True, False, False]
    """
    if len(cell) > LONGEST_VALUE:
        return False
    return any(pattern.fullmatch(cell) for pattern in (NUMBER, DATE, MOMENT))


def is_moment(cell: str) -> bool:
    """Return whether a cell holds a date with a time of day."""
    return len(cell) <= LONGEST_VALUE and MOMENT.fullmatch(cell) is not None


def are_names(cells: Iterable[str]) -> bool:
    """Return whether cells can be the names of columns: there are some, at most all but one of them are values.

    Years and dates do name columns. A date with a time of day does not, and numbers alone do not.
    """
    held = [cell for cell in cells if cell.strip()]
    return bool(held) and not any(map(is_moment, held)) and not all(map(is_value, held))


def brief(cell: object) -> str:
    """Return the beginning of a cell's content, for a message.

    >>> brief("x" * 1_000) == "x" * LONGEST_SHOWN, brief(21.5)
    (True, '21.5')
    """
    return str(cell)[:LONGEST_SHOWN]
