"""The producer's own account, cell by cell: what was acknowledged, and what may have been accepted unseen."""

from collections.abc import Iterator, Sequence
from typing import Final

from services.contracts.batches import Columns
from services.contracts.cells import Cell, KeyTable, aggregate, source_and_kind

FOLDED_EVENTS: Final = 16_384
"""Folded at once: about 3 ms, which the next batch may be late by."""
JournalKey = tuple[int, str, str]
"""Window number, source, kind."""


class Journal:
    """Exact cells of batches; batches are folded in bulk, since that is a hundred times cheaper."""

    def __init__(self, window_ns: int) -> None:
        self._window_ns = window_ns
        self._keys = KeyTable()
        self._waiting: list[Columns] = []
        self._waiting_events = 0
        self._cells: dict[tuple[int, bytes], Cell] = {}

    def add(self, batch: Columns) -> None:
        """Remember a batch."""
        if self._waiting_events + len(batch) > FOLDED_EVENTS:
            self.fold()
        self._waiting.append(batch)
        self._waiting_events += len(batch)

    def fold(self) -> None:
        """Work what is waiting into the cells."""
        batches, self._waiting, self._waiting_events = self._waiting, [], 0
        if not batches:
            return
        for number, block in aggregate(batches, self._keys, window_ns=self._window_ns).windows.items():
            for name, cell in block.cells().items():
                key = (number, name)
                old = self._cells.get(key)
                self._cells[key] = old.merged(cell) if old else cell

    def cells(self) -> Iterator[tuple[JournalKey, Cell]]:
        """Everything, in order of window, source, kind."""
        self.fold()
        for number, name in sorted(self._cells):
            yield (number, *source_and_kind(name)), self._cells[number, name]


def pages(cells: Sequence[tuple[JournalKey, Cell]], *, rows: int) -> Iterator[Sequence[tuple[JournalKey, Cell]]]:
    """Cells in pieces of at most so many."""
    return (cells[i : i + rows] for i in range(0, len(cells), rows))
