"""Reads a file as columns, with the line of each row."""

import csv
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Final

import pyarrow as pa

from services.simulator.source import NO_FILE, SourceFault
from services.simulator.tables.cells import NO_TEXT
from services.simulator.tables.delimited import read_delimited
from services.simulator.tables.json_lines import read_json_lines
from services.simulator.tables.limits import Budget
from services.simulator.tables.parquet import read_parquet
from services.simulator.tables.table import Table, fault_of_no_rows

PACKED: Final = ".gz"
"""A file below this suffix is read by the suffix before it."""
LONGEST_CAUSE: Final = 200
UNREADABLE: Final = (pa.ArrowException, ArithmeticError, LookupError, RecursionError, TypeError, ValueError)
"""Errors of libraries for contents that are not what their type tells."""
MALFORMED: Final = (csv.Error, OSError, EOFError, zlib.error, *UNREADABLE)
"""Errors of readers for a file that is not what its name or its first bytes tell."""


def read_table(path: Path, budget: Budget) -> Table:
    """Read a CSV, JSON-lines or Parquet file.

    Raises:
        SourceFault: The file cannot be read, holds no row, or takes more than the budget.
    """
    read = READERS.get(format_of(path))
    if read is None:
        known = ", ".join(READERS)
        message = f"{path}: the suffix {format_of(path)!r} names no known format; known are {known}"
        raise SourceFault("UNKNOWN_FILE_FORMAT", message)
    _check_readable(path)
    try:
        table = read(path, budget)
    except UnicodeDecodeError as error:
        raise _fault_of_encoding(path, error) from error
    except MALFORMED as error:
        raise SourceFault("MALFORMED_FILE", f"{path}: {cause_of(error)}") from error
    if not len(table):
        raise fault_of_no_rows(path, table.skipped)
    return table


def cause_of(error: BaseException) -> str:
    """Return kind and text of an error of a library, in one line."""
    return f"{type(error).__name__}: {' '.join(str(error).split())[:LONGEST_CAUSE]}"


def format_of(path: Path) -> str:
    """Return the suffix that names the format of a file, in lower case; empty where there is none.

    >>> format_of(Path("flows.CSV.gz"))
    '.csv'
    """
    return Path(path.name.lower().removesuffix(PACKED)).suffix


def stem_of(path: Path) -> str:
    """Return the name of a file without its suffixes.

    >>> stem_of(Path("flows.2026.csv.gz"))
    'flows.2026'
    """
    name = path.name
    return Path(name[: -len(PACKED)] if name.lower().endswith(PACKED) else name).stem


def _fault_of_encoding(path: Path, error: UnicodeDecodeError) -> SourceFault:
    """Return the fault of a text that is not in its encoding. Control characters tell that it is no text at all."""
    message = f"{path}: not {error.encoding.upper()} (byte {error.start:,} of a block)"
    is_text = error.encoding == "utf-8" and not NO_TEXT.search(error.object.decode("latin-1"))
    advice = "convert it: iconv -f latin1 -t utf-8" if is_text else "its bytes are not those of a text"
    return SourceFault("BAD_FILE_ENCODING", f"{message}; {advice}")


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


READERS: Final[dict[str, Callable[[Path, Budget], Table]]] = {
    ".csv": read_delimited,
    ".tsv": read_delimited,
    ".jsonl": read_json_lines,
    ".ndjson": read_json_lines,
    ".json": read_json_lines,
    ".parquet": read_parquet,
}
"""Suffix of the file's name → its reader."""
