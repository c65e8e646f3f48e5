"""Aggregates of events: exact sums in micro-units, packed into 40 bytes.

A value's micro-units are `numpy.rint(value * 1e6)`. They are split into two limbs (`high = floor(m / 2**32)`,
`low = m - high * 2**32`), which float64 sums exactly for up to 2**19 events (`ARCHITECTURE.md` D27). The same events in
any order therefore give the same aggregate, bit for bit.
"""

import struct
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from services.contracts.batches import Columns
from services.contracts.key_table import KeyTable

LIMB: Final = 2**32
MICRO: Final = 1e6
PACKED: Final = struct.Struct("<ddddd")
DENSE_GROUPS: Final = 1 << 16
"""With up to this many possible groups, a counting array is cheaper than sorting."""


@dataclass(frozen=True, slots=True)
class Aggregate:
    """Count, exact sum, minimum and maximum of the values of one (source, kind).

    Attributes:
        count: Number of events.
        sum_micro: Sum of their micro-units, exact.
        minimum: Smallest value.
        maximum: Largest value.
    """

    count: int
    sum_micro: int
    minimum: float
    maximum: float

    def merged(self, other: "Aggregate") -> "Aggregate":
        """Return the aggregate of the events of both."""
        return Aggregate(
            self.count + other.count,
            self.sum_micro + other.sum_micro,
            min(self.minimum, other.minimum),
            max(self.maximum, other.maximum),
        )


def unpack(packed: bytes) -> Aggregate:
    """Return the aggregate in 40 bytes, the form in which the store keeps it.

    >>> unpack(PACKED.pack(2, -1, 4294967295, 0.5, 0.75)).sum_micro
    -1
    """
    count, high, low, minimum, maximum = PACKED.unpack(packed)
    return Aggregate(int(count), join_sum(int(high), int(low)), minimum, maximum)


def split_sum(sum_micro: int) -> tuple[int, int]:
    """Return the limbs (high, low) of an exact sum; low is never negative.

    >>> split_sum(-1)
    (-1, 4294967295)
    """
    return divmod(sum_micro, LIMB)


def join_sum(high: int, low: int) -> int:
    """Return the exact sum of two limbs."""
    return high * LIMB + low


@dataclass(frozen=True, slots=True)
class AggregateBlock:
    """Aggregates of one window, or the totals of a run.

    Attributes:
        names: Names that `name_of` made.
        packed: Array of shape (len(names), 5), float64: count, sum high, sum low, minimum, maximum.
    """

    names: list[bytes]
    packed: NDArray[np.float64]

    def aggregates(self) -> dict[bytes, Aggregate]:
        """Return the aggregate of each name."""
        return {name: unpack(row.tobytes()) for name, row in zip(self.names, self.packed, strict=True)}


@dataclass(frozen=True, slots=True)
class Aggregation:
    """Aggregates of a set of events: over all events, and per window number."""

    totals: AggregateBlock
    windows: Mapping[int, AggregateBlock]

    @property
    def aggregate_count(self) -> int:
        """Number of window aggregates, which a commit limits."""
        return sum(len(block.names) for block in self.windows.values())


def aggregate(batches: Sequence[Columns], keys: KeyTable, *, window_ns: int) -> Aggregation:
    """Aggregate at most 2**19 events of one run. With more events the limbs could lose a digit."""
    key = keys.numbers(batches)
    window = np.concatenate([batch.time_ns for batch in batches]) // window_ns
    # + 0.0 turns -0.0 into 0.0, so that minimum and maximum do not depend on the order.
    value = np.concatenate([batch.value for batch in batches]) + 0.0
    micro = np.rint(value * MICRO)
    high = np.floor(micro / LIMB)
    events = np.column_stack((np.ones(len(value)), high, micro - high * LIMB, value, value))
    names = len(keys.names)
    steps = _steps(window, names)
    aggregate_group, aggregates = _fold(steps.numbers * names + key, events, groups=steps.size * names)
    aggregate_step, aggregate_key = np.divmod(aggregate_group, names)
    total_group, totals = _fold(aggregate_key, aggregates, groups=names)
    return Aggregation(
        totals=_block(total_group, totals, keys),
        windows={
            steps.window(step): _block(aggregate_key[rows], aggregates[rows], keys)
            for step, rows in _runs_of_equal(aggregate_step)
        },
    )


class _Steps(NamedTuple):
    """Windows as small numbers: each event's number, how many there can be, and the window of a number."""

    numbers: NDArray[np.int64]
    size: int
    window: Callable[[int], int]


def _steps(window: NDArray[np.int64], names: int) -> _Steps:
    """Number windows from the first, or by rank where (window, name) would not fit into 64 bits.

    Three centuries of milliseconds times a million names are more than 2**63.
    """
    first = int(window.min())
    span = int(window.max()) - first + 1
    if span * names < 2**63:
        return _Steps(window - first, span, lambda step: first + step)
    occurring, rank = np.unique(window, return_inverse=True)
    return _Steps(rank, len(occurring), lambda step: int(occurring[step]))


def _fold(
    group: NDArray[np.int64], rows: NDArray[np.float64], *, groups: int
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Merge the rows (count, high, low, minimum, maximum) of each group. Returns the groups in ascending order."""
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
    """Return (value, slice) for each run of equal values."""
    starts = np.flatnonzero(np.diff(ascending, prepend=ascending[0] - 1))
    ends = np.append(starts[1:], len(ascending))
    return [(int(ascending[start]), slice(int(start), int(end))) for start, end in zip(starts, ends, strict=True)]


def _block(key: NDArray[np.int64], rows: NDArray[np.float64], keys: KeyTable) -> AggregateBlock:
    return AggregateBlock([keys.names[number] for number in key.tolist()], np.ascontiguousarray(rows))
