"""Keeps the producer's own aggregates, with which those of the services are compared."""

from collections.abc import Iterator, Sequence
from typing import Final

from services.contracts.aggregates import Aggregate, aggregate
from services.contracts.batches import Columns
from services.contracts.key_table import KeyTable, source_and_kind

FOLDED_EVENTS: Final = 16_384
"""Events aggregated at once: about 3 ms, by which the next batch may be late."""
ProducerKey = tuple[int, str, str]
"""Window number, source, kind."""


class ProducerLedger:
    """Exact aggregates of batches. Many batches are aggregated at once, which is a hundred times cheaper."""

    def __init__(self, window_ns: int) -> None:
        self._window_ns = window_ns
        self._keys = KeyTable()
        self._waiting: list[Columns] = []
        self._waiting_events = 0
        self._aggregates: dict[tuple[int, bytes], Aggregate] = {}

    def add(self, batch: Columns) -> None:
        """Add a batch."""
        if self._waiting_events + len(batch) > FOLDED_EVENTS:
            self._fold()
        self._waiting.append(batch)
        self._waiting_events += len(batch)

    def aggregates(self) -> Iterator[tuple[ProducerKey, Aggregate]]:
        """Yield all aggregates in order of window, source, kind."""
        self._fold()
        for number, name in sorted(self._aggregates):
            yield (number, *source_and_kind(name)), self._aggregates[number, name]

    def _fold(self) -> None:
        """Merge the waiting batches into the aggregates."""
        batches, self._waiting, self._waiting_events = self._waiting, [], 0
        if not batches:
            return
        for number, block in aggregate(batches, self._keys, window_ns=self._window_ns).windows.items():
            for name, added in block.aggregates().items():
                key = (number, name)
                old = self._aggregates.get(key)
                self._aggregates[key] = old.merged(added) if old else added


def pages(
    aggregates: Sequence[tuple[ProducerKey, Aggregate]], *, rows: int
) -> Iterator[Sequence[tuple[ProducerKey, Aggregate]]]:
    """Return the aggregates in pages of at most *rows*."""
    return (aggregates[i : i + rows] for i in range(0, len(aggregates), rows))
