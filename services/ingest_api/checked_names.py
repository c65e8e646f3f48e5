"""Remembers dictionaries whose names were checked, and the aggregate names of the pairs that occurred in them."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from services.contracts.batch_rules import check_names
from services.contracts.batches import Columns
from services.contracts.key_table import DENSE_PAIRS, NAME_OVERHEAD_BYTES, pair_names

MEMORY_KEPT_BYTES: Final = 16 << 20
"""Memory of all that is remembered, roughly. Beyond it everything is forgotten, and checked again."""

PairNames = dict[int, bytes]
"""Number of a pair in its dictionaries → aggregate name."""


class CheckedNames:
    """The dictionaries of the last batches. Safe to use from several threads: what two of them do twice is the same."""

    def __init__(self) -> None:
        self._known: dict[tuple[tuple[str, ...], tuple[str, ...]], PairNames] = {}
        self._bytes = 0

    def dictionaries(self, columns: Columns) -> PairNames:
        """Check the names of a batch's dictionaries, and return the pairs that occurred. Raises PayloadError."""
        pairs = self._known.get((columns.sources, columns.kinds))
        if pairs is None:
            check_names("sources", columns.sources)
            check_names("kinds", columns.kinds)
            self._make_room(sum(len(name) + NAME_OVERHEAD_BYTES for name in (*columns.sources, *columns.kinds)))
            pairs = self._known[columns.sources, columns.kinds] = {}
        return pairs

    def names(self, columns: Columns, numbers: NDArray[np.int64], known: PairNames) -> list[bytes]:
        """Return the aggregate name of each pair that occurs in a batch.

        Args:
            columns: The batch.
            numbers: Its `pair_numbers`.
            known: What `dictionaries` returned for the batch; new pairs are added.
        """
        if len(columns.sources) * len(columns.kinds) > DENSE_PAIRS:
            occurring = np.unique(numbers)
        else:
            occurring = np.flatnonzero(np.bincount(numbers))
        listed = occurring.tolist()
        try:
            return [known[number] for number in listed]
        except KeyError:
            fresh = [number for number in listed if number not in known]
            names = pair_names(columns, np.array(fresh))
            self._make_room(sum(len(name) + NAME_OVERHEAD_BYTES for name in names))
            known.update(zip(fresh, names, strict=True))
            return [known[number] for number in listed]

    def _make_room(self, size: int) -> None:
        if self._bytes + size > MEMORY_KEPT_BYTES:
            self._known.clear()
            self._bytes = 0
        self._bytes += size
