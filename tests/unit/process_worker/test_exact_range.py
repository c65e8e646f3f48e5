"""Which events fit into sums that have reached the end of the exact range."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from services.contracts.aggregates import Aggregate
from services.contracts.batches import Columns
from services.contracts.key_table import name_of
from services.contracts.limits import MAX_VALUE
from services.ledger.records import BeyondRange
from services.process_worker.exact_range import overflowing
from tests.events import columns_of

SECOND = 1_000_000_000
LARGEST = 2**53 * 2**32 - 1
"""Largest sum in micro-units that the store can hold; the smallest is 1 - 2^53 times 2^32."""
SMALLEST = (1 - 2**53) * 2**32
PI = name_of("pi", "temp")
HUGE = int(MAX_VALUE) * 10**6
"""Micro-units of the largest value."""

VALUES = st.sampled_from([MAX_VALUE, -MAX_VALUE, 1e-6, -1e-6, 0.0, MAX_VALUE / 3])
HELD = st.integers(LARGEST - 3 * HUGE, LARGEST) | st.integers(SMALLEST, SMALLEST + 3 * HUGE) | st.just(0)


def held(sum_micro: int, *, count: int = 1) -> Aggregate:
    """Return an aggregate that the store holds."""
    return Aggregate(count, sum_micro, -1.0, 1.0)


def of(*values: float, kind: str = "temp", seconds: int = 0) -> Columns:
    """Return events of one name in one window."""
    return columns_of([("pi", kind, seconds * SECOND, value) for value in values])


def left_out(columns: Columns, *beyond: BeyondRange) -> list[int]:
    """Return the positions of the events that do not fit."""
    return np.flatnonzero(overflowing(columns, SECOND, beyond)).tolist()


def test_events_are_added_until_one_does_not_fit() -> None:
    """Two of the largest values fit, the third does not, and a small one after it does."""
    total = BeyondRange(None, PI, held(LARGEST - 2 * HUGE - 5))

    assert left_out(of(MAX_VALUE, MAX_VALUE, MAX_VALUE, 0.000005), total) == [2]


def test_a_value_of_the_other_sign_makes_room() -> None:
    """In the order of the events."""
    total = BeyondRange(None, PI, held(LARGEST))

    assert left_out(of(MAX_VALUE, -MAX_VALUE, MAX_VALUE), total) == [0]


def test_both_ends_of_the_range_are_kept() -> None:
    """The smallest sum has a limb less than the largest, as in the store."""
    assert left_out(of(0.0), BeyondRange(None, PI, held(SMALLEST))) == []
    assert left_out(of(-0.000001), BeyondRange(None, PI, held(SMALLEST))) == [0]
    assert left_out(of(0.0), BeyondRange(None, PI, held(LARGEST))) == []
    assert left_out(of(0.000001), BeyondRange(None, PI, held(LARGEST))) == [0]


def test_a_full_window_leaves_out_events_of_this_window_alone() -> None:
    """The total has room for all of them."""
    columns = columns_of([("pi", "temp", 0, 1.0), ("pi", "temp", SECOND, 1.0), ("pi", "load", 0, 1.0)])

    assert left_out(columns, BeyondRange(0, PI, held(LARGEST))) == [0]


def test_a_full_total_leaves_out_events_of_every_window() -> None:
    """Another name has a total of its own."""
    columns = columns_of([("pi", "temp", 0, 1.0), ("pi", "load", 0, 1.0), ("pi", "temp", SECOND, 1.0)])

    assert left_out(columns, BeyondRange(None, PI, held(LARGEST))) == [0, 2]


def test_a_count_has_a_range_too() -> None:
    """2^53 - 1 events of a name are the most."""
    assert left_out(of(1.0, 1.0), BeyondRange(None, PI, held(0, count=2**53 - 2))) == [1]


@given(values=st.lists(VALUES, min_size=1, max_size=12), total=HELD, window=HELD)
def test_what_is_left_fits_and_what_is_left_out_did_not(values: list[float], total: int, window: int) -> None:
    """Against plain integers: no kept event takes a sum out of the range, every other would have."""
    columns = of(*values)
    out = set(left_out(columns, BeyondRange(None, PI, held(total)), BeyondRange(0, PI, held(window))))

    for i, value in enumerate(values):
        micro = int(np.rint(value * 1e6))
        fits = all(SMALLEST <= end <= LARGEST for end in (total + micro, window + micro))
        assert fits == (i not in out)
        if fits:
            total, window = total + micro, window + micro
