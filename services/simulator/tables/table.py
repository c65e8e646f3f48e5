"""What the readers make of a file: columns of plain types, with the line of each row."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from services.simulator.source import SourceFault
from services.simulator.tables.skipped import SkippedRows

SHOWN_NAMES: Final = 12
SHOWN_CHARACTERS: Final = 60


@dataclass(frozen=True, slots=True)
class Table:
    """Contents of a file.

    Attributes:
        columns: Name → values, arrays of equal length: text, numbers, truth values, times, dates or times of day.
        lines: Line of each row in the file, counted from 1; row number in a Parquet file, counted from 1.
        skipped: Lines that are not rows of this table.
        unnamed: Names that stand for columns without a name.
        unusable: Name → type of the columns that hold neither text nor numbers nor times; they are not in `columns`.
        notes: Facts that a reader of the result should know.
        has_header: Whether the file names its columns.
        commas_split: Whether commas separate the cells, so that a number cannot hold a decimal comma.
        is_sparse: Whether null stands for a cell that the row does not have; otherwise for a missing value.
    """

    columns: dict[str, pa.Array]
    lines: NDArray[np.int64]
    skipped: SkippedRows = field(default_factory=SkippedRows)
    unnamed: frozenset[str] = frozenset()
    unusable: dict[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    has_header: bool = True
    commas_split: bool = False
    is_sparse: bool = False

    def __len__(self) -> int:
        """Number of rows."""
        return len(self.lines)

    @property
    def names(self) -> list[str]:
        """Names of all columns, also of the unusable ones."""
        return [*self.columns, *self.unusable]


def named(path: Path, names: Sequence[str]) -> list[str]:
    """Return the names of columns, `column_N` for the N-th where it has none.

    Raises:
        SourceFault: Two columns have the same name.
    """
    complete = [name or f"column_{position}" for position, name in enumerate(names, 1)]
    repeated = sorted(name for name, times in Counter(complete).items() if times > 1)
    if repeated:
        raise SourceFault("DUPLICATE_COLUMNS", f"{path}: the header names {listed(map(repr, repeated))} more than once")
    return complete


def unnamed_in(names: Sequence[str]) -> frozenset[str]:
    """Return the names that `named` gives to the columns without a name."""
    return frozenset(f"column_{position}" for position, name in enumerate(names, 1) if not name)


def fault_of_no_rows(path: Path, skipped: SkippedRows, advice: str = "") -> SourceFault:
    """Return the fault of a file without a row, with the reason why its first line is none."""
    if not skipped.count:
        return SourceFault("NO_ROWS", f"{path} holds no rows")
    first = skipped.first[0]
    were = "was" if skipped.count == 1 else "were"
    message = f"{path}: {counted(skipped.count, 'row')} {were} skipped; the first: line {first.line:,}: {first.reason}"
    return SourceFault("NO_ROWS", f"{message}\n{advice}" if advice else message)


def counted(number: int, noun: str) -> str:
    """Return a number with its noun.

    >>> counted(1, "row"), counted(2000, "row")
    ('1 row', '2,000 rows')
    """
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def shown(name: str) -> str:
    """Return a name as it can stand in a message of one line."""
    printable = name if name.isprintable() else repr(name)
    return printable if len(printable) <= SHOWN_CHARACTERS else f"{printable[:SHOWN_CHARACTERS]}…"


def listed(names: Iterable[str]) -> str:
    """Return the first names, separated by commas.

    >>> listed(["a", "b"])
    'a, b'
    """
    every = list(names)
    return ", ".join(map(shown, every[:SHOWN_NAMES])) + (", …" if len(every) > SHOWN_NAMES else "")
