"""Reads JSON lines as columns of text: an object a line, a column for each key."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from services.simulator.tables.blocks import BLOCK_CELLS, Blocks
from services.simulator.tables.cells import brief
from services.simulator.tables.limits import Budget
from services.simulator.tables.opening import bounded_lines, opened_text
from services.simulator.tables.prometheus import Json, JsonObject, samples_in
from services.simulator.tables.skipped import SkippedRows
from services.simulator.tables.table import Table, fault_of_no_rows

Row = dict[str, str]
KINDS: Final = {list: "a JSON array", str: "a JSON value", bool: "a JSON value", type(None): "a JSON value"}
ARRAY: Final = "["
NAMELESS: Final = "(empty)"
"""Stands for a key without characters."""


def read_json_lines(path: Path, budget: Budget) -> Table:
    """Read a file with a JSON object in each line. See `read_table`."""
    rows, first = _Rows(budget), ""
    with opened_text(path, budget) as file:
        for number, line in enumerate(bounded_lines(file, path), 1):
            if line.strip():
                first = first or line.lstrip()[:1]
                rows.add(line, number)
    table = rows.table()
    if not len(table):
        each = "'.[]'" if first == ARRAY else "."
        advice = f"a line holds one object; make it so: jq -c {each} {path.name} > lines.jsonl"
        raise fault_of_no_rows(path, table.skipped, advice if table.skipped.count else "")
    return table


class _Rows:
    """Collects the objects of all lines."""

    def __init__(self, budget: Budget) -> None:
        self._budget, self._blocks, self._skipped = budget, Blocks(budget), SkippedRows()
        self._rows: list[Row] = []
        self._lines: list[int] = []
        self._names: dict[str, None] = {}

    def add(self, line: str, number: int) -> None:
        """Add the rows of a line, or the reason why the line is none."""
        try:
            rows = rows_of(line)
        except (ValueError, RecursionError) as error:
            reason = _why_no_row(error)
            self._skipped.add(number, lambda: reason)
        else:
            for row in rows:
                self._add(row, number)

    def table(self) -> Table:
        """Return all rows."""
        self._flush()
        return Table(self._blocks.columns(), self._blocks.lines(), self._skipped, is_sparse=True)

    def _add(self, row: Row, number: int) -> None:
        self._rows.append(row)
        self._lines.append(number)
        self._names |= dict.fromkeys(row)
        self._budget.check_columns(len(self._names))
        if len(self._rows) * len(self._names) >= BLOCK_CELLS:
            self._flush()

    def _flush(self) -> None:
        if self._rows:
            columns = [[row.get(name) for row in self._rows] for name in self._names]
            self._blocks.add(list(self._names), columns, self._lines)
            self._rows, self._lines, self._names = [], [], {}


class NotARow(ValueError):
    """A line holds JSON, but not an object."""


def _why_no_row(error: ValueError | RecursionError) -> str:
    """Return why a line is no row."""
    match error:
        case UnicodeEncodeError():
            return f"{brief(ascii(error.object))} holds half of a character, which is no text"
        case RecursionError():
            return "its values are nested too deep"
        case NotARow():
            return str(error)
    return f"not JSON: {error}"


def rows_of(line: str) -> list[Row]:
    """Return the rows of a line: column → text. Numbers keep all their digits; objects within objects get a dot.

    Raises:
        ValueError: The line is not JSON, holds no object, or holds text that no file can hold.
        RecursionError: The values are nested too deep.

    >>> rows_of('{"time": 1.50, "host": {"name": "pi", "up": true}}')
    [{'time': '1.50', 'host.name': 'pi', 'host.up': 'true'}]
    """
    document: Json = json.loads(line, parse_int=str, parse_float=str, parse_constant=str)
    if not isinstance(document, dict):
        raise NotARow(f"{KINDS[type(document)]}, an object is needed")
    samples = samples_in(document)
    rows = [dict(_flat(sample)) for sample in ([document] if samples is None else samples)]
    if "\\u" in line:
        for text in (text for row in rows for cell in row.items() for text in cell):
            text.encode()
    return rows


def _flat(document: JsonObject, prefix: str = "") -> Iterator[tuple[str, str]]:
    """Yield name and text of each value; the text of null is empty."""
    for key, value in document.items():
        name = prefix + (key or NAMELESS)
        if isinstance(value, dict) and value:
            yield from _flat(value, f"{name}.")
        elif value is None or isinstance(value, str):
            yield name, value or ""
        else:
            yield name, json.dumps(value)
