"""Recognises how a text is laid out: its separator, the lines before its header, its header. Pure."""

import csv
import io
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Final, NamedTuple

from services.simulator.source import SourceFault
from services.simulator.tables.cells import NO_TEXT, are_names, is_value
from services.simulator.tables.skipped import SkippedRows
from services.simulator.tables.table import fault_of_no_rows, shown

SEPARATORS: Final = ",;\t|"
LINE_END: Final = re.compile(r"\r\n|\r|\n")
SEPARATOR_LINE: Final = re.compile(r'"?sep=(.)"?', re.IGNORECASE)
"""The line by which Excel is told the separator."""
COMMENT: Final = "#"
COMPARED_ROWS: Final = 50


class Layout(NamedTuple):
    """How a text is laid out.

    Attributes:
        separator: Separates the cells.
        lines_before: Lines before the first row that counts: the header, or the first values where there is none.
        header: Names of the columns where they do not stand in a row of their own: in a comment, or nowhere.
        has_names: Whether the file names its columns.
        comments: Comments before the header.
    """

    separator: str
    lines_before: int
    header: tuple[str, ...] | None
    has_names: bool
    comments: int


def layout_of(sample: str, path: Path) -> Layout:
    """Return the layout of a text that begins with *sample*.

    Raises:
        SourceFault: There is no row, no separator, or the header holds characters that are not text.
    """
    lines = LINE_END.split(sample)
    separator, before = "", 0
    comments: list[str] = []
    for line in lines:
        told = SEPARATOR_LINE.fullmatch(line)
        if told and not comments:
            separator = told[1]
        elif line.startswith(COMMENT):
            comments.append(line)
        elif line.strip():
            break
        before += 1
    if before == len(lines):
        raise fault_of_no_rows(path, SkippedRows())
    rest = "\n".join(lines[before:])
    separator = separator or _best_separator(rest)
    first = _rows(rest, separator, 1)[0]
    _check_first(path, first)
    if header := _header_in(comments, first, separator):
        return Layout(separator, before, header, has_names=True, comments=len(comments) - 1)
    if are_names(first):
        return Layout(separator, before, None, has_names=True, comments=len(comments))
    return Layout(separator, before, ("",) * len(first), has_names=False, comments=len(comments))


def _best_separator(text: str) -> str:
    """Return the separator by which most rows have the width of the first row, then the one of the widest row."""
    return max(SEPARATORS, key=lambda separator: _fit(_rows(text, separator, COMPARED_ROWS)))


def _fit(rows: Sequence[Sequence[str]]) -> tuple[int, int]:
    width = len(rows[0]) if rows else 0
    return (sum(len(row) == width for row in rows[1:]) if width > 1 else 0), width


def _rows(text: str, separator: str, most: int) -> list[list[str]]:
    """Return the first rows of a text. A row that cannot be read ends them."""
    rows: list[list[str]] = []
    try:
        for row in csv.reader(io.StringIO(text), delimiter=separator):
            if row:
                rows.append(row)
            if len(rows) == most:
                break
    except csv.Error:
        pass
    return rows or [[text]]


def _check_first(path: Path, first: Sequence[str]) -> None:
    """Raise SourceFault for a first row that is not text, or is not separated."""
    if any(map(NO_TEXT.search, first)):
        begin = ascii("".join(first)[:12])
        message = f"{path}: its header begins with {begin}, which is not text"
        advice = "take it as it was before it was converted: UTF-8, UTF-16 and UTF-32 are read, also packed by gzip"
        raise SourceFault("BAD_FILE_ENCODING", f"{message}\n{advice}")
    if len(first) == 1:
        names = " ".join(map(repr, SEPARATORS))
        text = f'{path}: its first row "{shown(first[0])}" holds no separator; known are {names}'
        raise SourceFault("NO_SEPARATOR", text)


def _header_in(comments: Sequence[str], first: Sequence[str], separator: str) -> tuple[str, ...] | None:
    """Return the names in the last comment, if it names as many columns as the first row has values."""
    if not comments or not any(map(is_value, first)):
        return None
    names = names_in(_rows(comments[-1], separator, 1)[0])
    return names if len(names) == len(first) and are_names(names) else None


def names_in(row: Sequence[str]) -> tuple[str, ...]:
    """Return the names in a header, which may be a comment.

    >>> names_in(["# hostname", "interval "])
    ('hostname', 'interval')
    """
    first, *others = row
    return (first.lstrip(COMMENT).strip(), *(name.strip() for name in others))
