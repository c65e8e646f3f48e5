"""A small table: HTML in a notebook or a report, plain text in a terminal."""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from itertools import zip_longest
from typing import Final

from lab.reports.numbers import MISSING

CELL: Final = "border:0;border-bottom:1px solid rgba(128,128,128,.3);padding:4px 18px 4px 0;text-align:left"


@dataclass(frozen=True, slots=True)
class Table:
    """Plain text in rows below a header.

    Attributes:
        header: A cell for each column.
        rows: Each holds a cell for each column.
        sentences: Below the table.
        details: Lines below the sentences, in plain text alone; a regression test compares them.
    """

    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    sentences: tuple[str, ...] = ()
    details: tuple[str, ...] = ()

    def __repr__(self) -> str:
        """Return aligned columns, then the sentences, then the details."""
        lines = [self.header, *self.rows]
        widths = [max(len(cell) for cell in column) for column in zip_longest(*lines, fillvalue="")]
        aligned = ["  ".join(map(str.ljust, line, widths)).rstrip() for line in lines]
        return "\n".join((*aligned, *self.sentences, *self.details))

    @property
    def html(self) -> str:
        """The table without its details; styles are inline, text has the colour of its surroundings."""
        head = "".join(f'<th style="{CELL}">{escape(cell)}</th>' for cell in self.header)
        body = "".join(f"<tr>{''.join(map(_cell, row))}</tr>" for row in self.rows)
        below = "".join(f'<p style="margin:6px 0 0">{escape(sentence)}</p>' for sentence in self.sentences)
        return f'<table style="border-collapse:collapse"><tr>{head}</tr>{body}</table>{below}'

    def _repr_html_(self) -> str:
        return self.html


def dashes(cells: Sequence[str]) -> tuple[str, ...]:
    """Return the cells, each empty one as a dash."""
    return tuple(cell or MISSING for cell in cells)


def _cell(text: str) -> str:
    return f'<td style="{CELL};white-space:nowrap">{escape(text)}</td>'
