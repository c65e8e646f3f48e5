"""Names and numbers (source, kind) pairs, so that events can be grouped by integer."""

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from services.contracts.batches import Columns

SEPARATOR: Final = "\x1f"
"""Stands between source and kind in the name of an aggregate. No valid name holds it."""
DENSE_PAIRS: Final = 1 << 16
"""Up to this many possible pairs of a batch are looked up in an array; more are sorted."""
TABLE_PAIRS_KEPT: Final = 1 << 21
"""Pairs of all dictionaries that a key table remembers, 8 bytes each."""
NAME_OVERHEAD_BYTES: Final = 150
"""Memory of a remembered name beside its characters: a bytes object, its places in a list and in a dictionary."""
UNKNOWN: Final = -1
"""Stands in a table for a pair that has no number yet."""


def name_of(source: str, kind: str) -> bytes:
    """Return the field under which the store keeps the aggregate of (source, kind)."""
    return f"{source}{SEPARATOR}{kind}".encode()


def source_and_kind(name: bytes) -> tuple[str, str]:
    """Return the (source, kind) of a name that `name_of` made."""
    source, _, kind = name.decode().partition(SEPARATOR)
    return source, kind


class KeyTable:
    """Numbers (source, kind) pairs. Grows with every new pair.

    Only pairs that occur in an event get a number. The dictionaries of a batch may span many more: 12 kB of names span
    a million pairs.
    """

    def __init__(self) -> None:
        self.names: list[bytes] = []
        self._number: dict[bytes, int] = {}
        self._tables: dict[tuple[tuple[str, ...], tuple[str, ...]], NDArray[np.int64]] = {}
        self._table_pairs = self._name_bytes = 0

    @property
    def memory_bytes(self) -> int:
        """Memory that the names take, roughly."""
        return self._name_bytes + NAME_OVERHEAD_BYTES * len(self.names)

    def numbers(self, batches: Sequence[Columns]) -> NDArray[np.int64]:
        """Return the number of each event's pair, for the events of all batches in order."""
        numbers = np.concatenate([self._known_numbers(batch) for batch in batches])
        if int(numbers.min()) == UNKNOWN:
            numbers = np.concatenate([self._numbered(batch) for batch in batches])
        return numbers

    def _known_numbers(self, batch: Columns) -> NDArray[np.int64]:
        """Return the numbers of a batch's pairs, UNKNOWN where a pair has none yet."""
        if len(batch.sources) * len(batch.kinds) > DENSE_PAIRS:
            return np.full(len(batch), UNKNOWN)
        numbers: NDArray[np.int64] = self._table(batch.sources, batch.kinds)[pair_numbers(batch)]
        return numbers

    def _numbered(self, batch: Columns) -> NDArray[np.int64]:
        """Return the numbers of a batch's pairs. A pair that occurs for the first time gets its number."""
        pairs = pair_numbers(batch)
        if len(batch.sources) * len(batch.kinds) > DENSE_PAIRS:
            occurring, position = np.unique(pairs, return_inverse=True)
            return np.array([self._number_of(name) for name in pair_names(batch, occurring)], np.int64)[position]
        table = self._table(batch.sources, batch.kinds)
        fresh = np.unique(pairs[table[pairs] == UNKNOWN])
        table[fresh] = [self._number_of(name) for name in pair_names(batch, fresh)]
        return table[pairs]

    def _table(self, sources: tuple[str, ...], kinds: tuple[str, ...]) -> NDArray[np.int64]:
        """Return the numbers of the pairs of two dictionaries, by source * len(kinds) + kind."""
        table = self._tables.get((sources, kinds))
        if table is None:
            size = len(sources) * len(kinds)
            if self._table_pairs + size > TABLE_PAIRS_KEPT:
                self._tables.clear()
                self._table_pairs = 0
            self._table_pairs += size
            table = self._tables[sources, kinds] = np.full(size, UNKNOWN)
        return table

    def _number_of(self, name: bytes) -> int:
        number = self._number.setdefault(name, len(self.names))
        if number == len(self.names):
            self.names.append(name)
            self._name_bytes += len(name)
        return number


def pair_numbers(batch: Columns) -> NDArray[np.int64]:
    """Return source_index * len(kinds) + kind_index of each event: the number of its pair in the batch."""
    return batch.source_index.astype(np.int64) * len(batch.kinds) + batch.kind_index


def pair_names(batch: Columns, pairs: NDArray[np.int64]) -> list[bytes]:
    """Return the aggregate names of pairs that `pair_numbers` returned."""
    kinds = len(batch.kinds)
    return [name_of(batch.sources[pair // kinds], batch.kinds[pair % kinds]) for pair in pairs.tolist()]
