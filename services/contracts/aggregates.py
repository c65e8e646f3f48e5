"""What an aggregate is: exact sums in micro-units, folded from events, packed into 40 bytes.

A value's micro-units are `numpy.rint(value * 1e6)`, by definition, split into two limbs (`high = floor(m / 2**32)`,
`low = m - high * 2**32`) that float64 sums exactly for up to 2**19 events (`ARCHITECTURE.md` D27). Replays in any order
therefore give the same cell, bit for bit.
"""

import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from services.contracts.batches import Columns

LIMB: Final = 2**32
MICRO: Final = 1e6
PACKED: Final = struct.Struct("<ddddd")
SEPARATOR: Final = "\x1f"
"""Between source and kind in the name of a cell; no valid name holds it."""

DENSE_GROUPS: Final = 1 << 16
"""Up to this many possible groups a counting array is cheaper than sorting."""


@dataclass(frozen=True, slots=True)
class Aggregate:
    """The aggregate of one (source, kind).

    Attributes:
        count: Events.
        sum_micro: Sum of their micro-units, exact.
        minimum: Smallest value.
        maximum: Largest value.
    """

    count: int
    sum_micro: int
    minimum: float
    maximum: float

    def merged(self, other: "Aggregate") -> "Aggregate":
        """The cell of both cells' events."""
        return Aggregate(
            self.count + other.count,
            self.sum_micro + other.sum_micro,
            min(self.minimum, other.minimum),
            max(self.maximum, other.maximum),
        )


def unpack(packed: bytes) -> Aggregate:
    """The cell in 40 bytes, as the store keeps it.

    >>> unpack(CELL.pack(2, -1, 4294967295, 0.5, 0.75)).sum_micro
    -1
    """
    count, high, low, minimum, maximum = PACKED.unpack(packed)
    return Aggregate(int(count), int(high) * LIMB + int(low), minimum, maximum)


def name_of(source: str, kind: str) -> bytes:
    """The field under which the store keeps the cell of (source, kind)."""
    return f"{source}{SEPARATOR}{kind}".encode()


def source_and_kind(name: bytes) -> tuple[str, str]:
    """The inverse of `name_of`."""
    source, _, kind = name.decode().partition(SEPARATOR)
    return source, kind


@dataclass(frozen=True, slots=True)
class AggregateBlock:
    """Cells of one window, or the totals of a run.

    Attributes:
        names: Fields, as `name_of` makes them.
        packed: Array of shape (len(names), 5), float64: count, sum high, sum low, minimum, maximum.
    """

    names: list[bytes]
    packed: NDArray[np.float64]

    def aggregates(self) -> dict[bytes, Aggregate]:
        """Name → cell."""
        return {name: unpack(row.tobytes()) for name, row in zip(self.names, self.packed, strict=True)}


@dataclass(frozen=True, slots=True)
class Aggregation:
    """What one round adds: totals, and cells per window number."""

    totals: AggregateBlock
    windows: Mapping[int, AggregateBlock]

    @property
    def aggregate_count(self) -> int:
        """Window cells, the figure a commit is limited by."""
        return sum(len(block.names) for block in self.windows.values())


class KeyTable:
    """Numbers for (source, kind) pairs, so that events can be grouped by integer; grows with the pairs it has seen."""

    def __init__(self) -> None:
        self.names: list[bytes] = []
        self._number: dict[bytes, int] = {}
        self._tables: dict[tuple[tuple[str, ...], tuple[str, ...]], NDArray[np.int64]] = {}

    def numbers(self, columns: Columns) -> NDArray[np.int64]:
        """One number per event."""
        pair = columns.source_index.astype(np.int64) * len(columns.kinds) + columns.kind_index
        numbers: NDArray[np.int64] = self._table(columns.sources, columns.kinds)[pair]
        return numbers

    def _table(self, sources: tuple[str, ...], kinds: tuple[str, ...]) -> NDArray[np.int64]:
        table = self._tables.get((sources, kinds))
        if table is None:
            if len(self._tables) >= 1_024:
                self._tables.clear()
            pairs = [self._number_of(name_of(source, kind)) for source in sources for kind in kinds]
            table = self._tables[sources, kinds] = np.array(pairs, np.int64)
        return table

    def _number_of(self, name: bytes) -> int:
        number = self._number.setdefault(name, len(self.names))
        if number == len(self.names):
            self.names.append(name)
        return number


def aggregate(batches: Sequence[Columns], keys: KeyTable, *, window_ns: int) -> Aggregation:
    """Fold events of one run into cells; at most 2**19 events, else the limbs could lose a digit."""
    key = np.concatenate([keys.numbers(batch) for batch in batches])
    window = np.concatenate([batch.time_ns for batch in batches]) // window_ns
    # + 0.0 turns -0.0 into 0.0, so that minimum and maximum do not depend on the order.
    value = np.concatenate([batch.value for batch in batches]) + 0.0
    micro = np.rint(value * MICRO)
    high = np.floor(micro / LIMB)
    events = np.column_stack((np.ones(len(value)), high, micro - high * LIMB, value, value))
    first, span = int(window.min()), int(window.max() - window.min()) + 1
    aggregate_group, aggregates = _fold((window - first) * len(keys.names) + key, events, groups=span * len(keys.names))
    aggregate_window, aggregate_key = np.divmod(aggregate_group, len(keys.names))
    total_group, totals = _fold(aggregate_key, aggregates, groups=len(keys.names))
    return Aggregation(
        totals=_block(total_group, totals, keys),
        windows={
            first + number: _block(aggregate_key[rows], aggregates[rows], keys)
            for number, rows in _runs_of_equal(aggregate_window)
        },
    )


def _fold(
    group: NDArray[np.int64], rows: NDArray[np.float64], *, groups: int
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Merge rows (count, high, low, minimum, maximum) of equal group; groups come back in ascending order."""
    if groups > DENSE_GROUPS:
        present, group = np.unique(group, return_inverse=True)
        groups = len(present)
    else:
        present = np.arange(groups)
    counts = np.bincount(group, rows[:, 0], minlength=groups)
    low = np.bincount(group, rows[:, 2], minlength=groups)
    carry = np.floor(low / LIMB)
    minimum, maximum = np.full(groups, np.inf), np.full(groups, -np.inf)
    np.minimum.at(minimum, group, rows[:, 3])
    np.maximum.at(maximum, group, rows[:, 4])
    high = np.bincount(group, rows[:, 1], minlength=groups) + carry
    folded = np.column_stack((counts, high, low - carry * LIMB, minimum, maximum))
    occupied = np.flatnonzero(counts)
    return present[occupied], folded[occupied]


def _runs_of_equal(ascending: NDArray[np.int64]) -> list[tuple[int, slice]]:
    """(value, slice) of each run of equal values."""
    starts = np.flatnonzero(np.diff(ascending, prepend=ascending[0] - 1))
    ends = np.append(starts[1:], len(ascending))
    return [(int(ascending[start]), slice(int(start), int(end))) for start, end in zip(starts, ends, strict=True)]


def _block(key: NDArray[np.int64], rows: NDArray[np.float64], keys: KeyTable) -> AggregateBlock:
    return AggregateBlock([keys.names[number] for number in key.tolist()], np.ascontiguousarray(rows))
