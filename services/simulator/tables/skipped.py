"""Counts the rows of a file that give no event."""

from collections.abc import Callable
from typing import Final

import numpy as np
from numpy.typing import NDArray

from services.simulator.source import SkippedRow

SHOWN: Final = 100


class SkippedRows:
    """Counts rows and values that are missing, and keeps the first hundred of them."""

    def __init__(self) -> None:
        self.count = 0
        self._kept: list[SkippedRow] = []

    @property
    def first(self) -> list[SkippedRow]:
        """The first hundred in the order of their lines."""
        return sorted(self._kept, key=lambda row: row.line)[:SHOWN]

    def add(self, line: int, reason: Callable[[], str]) -> None:
        """Count a line, and ask for the reason where it is kept. Lines come in their order."""
        self.count += 1
        if len(self._kept) < SHOWN:
            self._kept.append(SkippedRow(line, reason()))

    def add_all(self, rows: NDArray[np.intp], lines: NDArray[np.int64], reason: Callable[[int], str]) -> None:
        """Count rows of a table.

        Args:
            rows: Numbers of the rows, ascending.
            lines: Line of every row of the table.
            reason: Returns why a row is missing.
        """
        self.count += len(rows)
        self._kept += [SkippedRow(int(lines[row]), reason(int(row))) for row in rows[:SHOWN]]
        self._kept = self.first
