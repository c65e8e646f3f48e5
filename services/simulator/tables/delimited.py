"""Reads delimited text as columns of text."""

import csv
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

from services.simulator.tables.blocks import BLOCK_CELLS, Blocks
from services.simulator.tables.cells import is_value
from services.simulator.tables.layout import COMMENT, Layout, layout_of, names_in
from services.simulator.tables.limits import Budget
from services.simulator.tables.opening import bounded_lines, opened_text
from services.simulator.tables.skipped import SkippedRows
from services.simulator.tables.table import Table, counted, named, unnamed_in

SNIFFED_CHARACTERS: Final = 65_536
LONGEST_FIELD: Final = 1 << 20
ANNOTATIONS: Final = frozenset({"#group", "#datatype", "#default"})
"""First cells of the rows by which InfluxDB describes the columns of a table."""


def read_delimited(path: Path, budget: Budget) -> Table:
    """Read a file of rows below one header or several. See `read_table`."""
    with opened_text(path, budget) as file:
        layout = layout_of(file.read(SNIFFED_CHARACTERS), path)
    csv.field_size_limit(LONGEST_FIELD)
    with opened_text(path, budget) as file:
        for _ in range(layout.lines_before):
            file.readline()
        sections = _Sections(path, layout, budget)
        reader = csv.reader(bounded_lines(file, path), delimiter=layout.separator)
        for row in reader:
            if row:
                sections.add(row, layout.lines_before + reader.line_num)
        return sections.table()


class _Sections:
    """Collects rows, each below the names of the header before it."""

    def __init__(self, path: Path, layout: Layout, budget: Budget) -> None:
        self._path, self._layout, self._budget = path, layout, budget
        self._blocks, self._skipped = Blocks(budget), SkippedRows()
        self._names: list[str] = []
        self._known: frozenset[str] = frozenset()
        self._unnamed: frozenset[str] = frozenset()
        self._rows: list[list[str]] = []
        self._lines: list[int] = []
        self._headers = 0
        if layout.header is not None:
            self._begin(layout.header)

    def add(self, row: list[str], line: int) -> None:
        """Add a row, which may be another header."""
        if row[0] in ANNOTATIONS:
            return
        if not self._headers or self._is_header(row):
            self._begin(names_in(row))
        elif len(row) == len(self._names):
            self._rows.append(row)
            self._lines.append(line)
            if len(self._rows) * len(row) >= BLOCK_CELLS:
                self._flush()
        else:
            self._skipped.add(line, lambda: f"{counted(len(row), 'field')}, the header has {len(self._names)}")

    def table(self) -> Table:
        """Return all rows."""
        self._flush()
        return Table(
            self._blocks.columns(),
            self._blocks.lines(),
            self._skipped,
            unnamed=self._unnamed,
            notes=tuple(self._notes()),
            has_header=self._layout.has_names,
            commas_split=self._layout.separator == ",",
            is_sparse=True,
        )

    def _notes(self) -> Iterable[str]:
        if self._layout.comments:
            yield f"skipped before the header: {counted(self._layout.comments, 'comment')}"
        if self._headers > 1:
            yield f"{self._headers:,} headers: each row was read below the header before it"

    def _is_header(self, row: Sequence[str]) -> bool:
        """Return whether a row repeats names of the header, in any order, and holds no value."""
        if self._known.isdisjoint(row) and not row[0].startswith(COMMENT):
            return False
        names = names_in(row)
        held = [name for name in names if name]
        repeated = sum(name in self._known for name in held)
        is_marked = row[0].startswith(COMMENT) and repeated > 1
        is_whole = 1 < len(held) >= len(row) - 1
        return is_whole and (is_marked or 2 * repeated >= len(held)) and not any(map(is_value, held))

    def _begin(self, names: Sequence[str]) -> None:
        """Begin the rows below a header."""
        self._flush()
        self._budget.check_columns(len(names))
        self._names = named(self._path, names)
        self._known = frozenset(name for name in names if name)
        self._unnamed |= unnamed_in(names)
        self._headers += 1

    def _flush(self) -> None:
        if self._rows:
            self._blocks.add(self._names, list(zip(*self._rows, strict=True)), self._lines)
            self._rows, self._lines = [], []
