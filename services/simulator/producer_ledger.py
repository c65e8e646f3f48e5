"""The producer's own account, cell by cell: what was acknowledged, and what may have been accepted unseen."""

from collections.abc import Iterator, Sequence
from typing import Final

from services.contracts.aggregates import Aggregate, KeyTable, aggregate, source_and_kind
from services.contracts.batches import Columns

FOLDED_EVENTS: Final = 16_384
"""Folded at once: about 3 ms, which the next batch may be late by."""
ProducerKey = tuple[int, str, str]
"""Window number, source, kind."""


class ProducerLedger:
    """Exact cells of batches; batches are folded in bulk, since that is a hundred times cheaper."""

    def __init__(self, window_ns: int) -> None:
        self._window_ns = window_ns
        self._keys = KeyTable()
        self._waiting: list[Columns] = []
        self._waiting_events = 0
        self._aggregates: dict[tuple[int, bytes], Aggregate] = {}

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
            for name, added in block.aggregates().items():
                key = (number, name)
                old = self._aggregates.get(key)
                self._aggregates[key] = old.merged(added) if old else added

    def aggregates(self) -> Iterator[tuple[ProducerKey, Aggregate]]:
        """Everything, in order of window, source, kind."""
        self.fold()
        for number, name in sorted(self._aggregates):
            yield (number, *source_and_kind(name)), self._aggregates[number, name]


def pages(
    aggregates: Sequence[tuple[ProducerKey, Aggregate]], *, rows: int
) -> Iterator[Sequence[tuple[ProducerKey, Aggregate]]]:
    """Cells in pieces of at most so many."""
    return (aggregates[i : i + rows] for i in range(0, len(aggregates), rows))
