"""Collects rows of text as columns."""

from array import array
from collections.abc import Sequence
from typing import Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from services.simulator.tables.limits import Budget

BLOCK_CELLS: Final = 1 << 18
"""Cells kept as Python strings at once. A Python string takes ten times the memory of its text."""


class Blocks:
    """Collects blocks of columns. Blocks may have different columns; a cell that a block lacks is empty."""

    def __init__(self, budget: Budget) -> None:
        self._budget = budget
        self._names: dict[str, None] = {}
        self._lines = array("q")
        self._tables: list[pa.Table] = []

    def add(self, names: Sequence[str], columns: Sequence[Sequence[str | None]], lines: Sequence[int]) -> None:
        """Add a block: a column for each name, all as long as *lines*."""
        self._names |= dict.fromkeys(names)
        self._lines.extend(lines)
        self._budget.check_columns(len(self._names))
        self._budget.check_cells(len(self._lines), len(self._names))
        self._budget.check_time()
        texts = [pa.array(column, pa.string()) for column in columns]
        self._tables.append(pa.Table.from_arrays(texts, names=list(names)))

    def columns(self) -> dict[str, pa.Array]:
        """Return all columns: name → text."""
        if not self._tables:
            return {}
        whole = pa.concat_tables(self._tables, promote_options="default")
        self._tables = [whole]
        return {name: whole.column(name).combine_chunks() for name in self._names}

    def lines(self) -> NDArray[np.int64]:
        """Return the line of each row."""
        return np.array(self._lines, np.int64)
