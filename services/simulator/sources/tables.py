"""Reads a file as columns, with the line of each row."""

import csv
import json
from array import array
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from services.simulator.source import NO_FILE, SkippedRow, SourceFault

SEPARATORS: Final = ",;\t|"
SNIFFED_BYTES: Final = 65_536
LONGEST_FIELD: Final = 1 << 20
BLOCK_ROWS: Final = 16_384


@dataclass(frozen=True, slots=True)
class Table:
    """Contents of a file.

    Attributes:
        columns: Name → values, arrays of equal length.
        lines: Line of each row in the file, counted from 1; row number in a Parquet file, counted from 1.
        skipped: Lines that are not rows of this table.
    """

    columns: dict[str, pa.Array]
    lines: NDArray[np.int64]
    skipped: list[SkippedRow] = field(default_factory=list)

    def __len__(self) -> int:
        """Number of rows."""
        return len(self.lines)


def read_table(path: Path) -> Table:
    """Read a CSV, JSON-lines or Parquet file. Raises SourceFault where it cannot be read."""
    read = READERS.get(path.suffix.lower())
    if read is None:
        known = ", ".join(READERS)
        raise SourceFault(
            "UNKNOWN_FILE_FORMAT", f"{path}: the suffix {path.suffix!r} names no known format; known are {known}"
        )
    _check_readable(path)
    try:
        table = read(path)
    except UnicodeDecodeError as error:
        message = f"{path}: not UTF-8 (byte {error.start:,} of a block); convert it: iconv -f latin1 -t utf-8"
        raise SourceFault("BAD_FILE_ENCODING", message) from error
    except (csv.Error, pa.ArrowException, OSError) as error:
        raise SourceFault("MALFORMED_FILE", f"{path}: {error}") from error
    if not len(table):
        raise SourceFault("NO_ROWS", f"{path} holds no rows")
    return table


def _check_readable(path: Path) -> None:
    if path.is_dir():
        raise SourceFault("NOT_A_FILE", f"{path} is a folder")
    if not path.exists():
        raise SourceFault(NO_FILE, f"{path}: no such file")
    try:
        with path.open("rb") as file:
            empty = not file.read(1)
    except OSError as error:
        raise SourceFault("UNREADABLE_FILE", f"{path}: {error.strerror}") from error
    if empty:
        raise SourceFault("EMPTY_FILE", f"{path} is empty")


def _read_csv(path: Path) -> Table:
    csv.field_size_limit(LONGEST_FIELD)
    with path.open(encoding="utf-8-sig", newline="") as file:
        separator = _separator(file.read(SNIFFED_BYTES).splitlines()[0])
        file.seek(0)
        reader = csv.reader(file, delimiter=separator)
        names = [name.strip() for name in next(reader)]
        _check_names(path, names)
        lines, skipped = array("q"), []

        def rows() -> Iterator[list[str]]:
            for row in reader:
                if len(row) == len(names):
                    lines.append(reader.line_num)
                    yield row
                elif row:
                    skipped.append(SkippedRow(reader.line_num, f"{len(row)} fields, the header has {len(names)}"))

        columns = _columns(rows(), len(names))
    return Table(dict(zip(names, columns, strict=True)), np.array(lines, np.int64), skipped)


def _columns(rows: Iterator[list[str]], width: int) -> list[pa.Array]:
    """Return rows as columns, converted in blocks: a row of Python strings takes ten times the memory of its text."""
    blocks: list[list[pa.Array]] = [[pa.array([], pa.string())] for _ in range(width)]
    while block := list(islice(rows, BLOCK_ROWS)):
        for column, texts in zip(blocks, zip(*block, strict=True), strict=True):
            column.append(pa.array(texts, pa.string()))
    return [pa.concat_arrays(blocks.pop(0)) for _ in range(width)]


def _separator(header: str) -> str:
    """Return the separator that cuts the header into most parts."""
    return max(SEPARATORS, key=header.count)


def _check_names(path: Path, names: list[str]) -> None:
    repeated = sorted({name for name in names if names.count(name) > 1})
    if repeated:
        columns = ", ".join(map(repr, repeated))
        raise SourceFault("DUPLICATE_COLUMNS", f"{path}: the header names {columns} more than once")


def _read_json_lines(path: Path) -> Table:
    rows: list[dict[str, Any]] = []
    lines, skipped = [], []
    for number, text in _numbered_lines(path):
        try:
            row = json.loads(text)
        except ValueError as error:
            skipped.append(SkippedRow(number, f"not JSON: {error}"))
            continue
        if isinstance(row, dict):
            rows.append(row)
            lines.append(number)
        else:
            skipped.append(SkippedRow(number, f"a JSON {type(row).__name__}, an object is needed"))
    names = list(dict.fromkeys(name for row in rows for name in row))
    return Table({name: _array([row.get(name) for row in rows]) for name in names}, np.array(lines, np.int64), skipped)


def _numbered_lines(path: Path) -> Iterator[tuple[int, str]]:
    with path.open(encoding="utf-8-sig") as file:
        yield from ((number, line) for number, line in enumerate(file, 1) if line.strip())


def _array(values: list[Any]) -> pa.Array:
    """Return numbers as they are, and everything else as text."""
    kinds = {type(value) for value in values if value is not None}
    if kinds == {int}:
        return pa.array(values, pa.int64())
    if kinds and kinds <= {int, float}:
        return pa.array(values, pa.float64())
    return pa.array([value if value is None else _text(value) for value in values], pa.string())


def _text(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _read_parquet(path: Path) -> Table:
    table = pq.read_table(path)
    _check_names(path, table.column_names)
    arrays = {name: _plain(table.column(name).combine_chunks()) for name in table.column_names}
    return Table(arrays, np.arange(1, table.num_rows + 1, dtype=np.int64))


def _plain(array: pa.Array) -> pa.Array:
    return array.dictionary_decode() if pa.types.is_dictionary(array.type) else array


READERS: Final[dict[str, Callable[[Path], Table]]] = {
    ".csv": _read_csv,
    ".tsv": _read_csv,
    ".jsonl": _read_json_lines,
    ".ndjson": _read_json_lines,
    ".json": _read_json_lines,
    ".parquet": _read_parquet,
}
"""Suffix of the file's name → its reader."""
