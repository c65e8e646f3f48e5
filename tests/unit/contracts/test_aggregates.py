"""Aggregates equal plain Python integers: in any order, any split, any magnitude."""

import itertools
from collections import defaultdict
from collections.abc import Sequence
from fractions import Fraction

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from services.contracts.aggregates import (
    DENSE_GROUPS,
    PACKED,
    Aggregate,
    Aggregation,
    aggregate,
    unpack,
)
from services.contracts.batches import Columns
from services.contracts.key_table import KeyTable, name_of
from services.contracts.limits import MAX_COMMIT_EVENTS, MAX_TIME_NS, MAX_VALUE, MIN_TIME_NS, MIN_WINDOW_NS
from tests.events import columns_of

SECOND = 1_000_000_000
Event = tuple[str, str, int, float]

VALUES = st.floats(-MAX_VALUE, MAX_VALUE) | st.sampled_from([0.0, -0.0, MAX_VALUE, -MAX_VALUE, 5e-324, 5e-7, -5e-7])
CLOSE_TIMES = st.integers(-3 * SECOND, 3 * SECOND)
ANY_TIMES = st.integers(MIN_TIME_NS, MAX_TIME_NS)
NAMES = st.sampled_from("abc")


def events(times: st.SearchStrategy[int]) -> st.SearchStrategy[list[Event]]:
    """Return a strategy for one to sixty events."""
    return st.lists(st.tuples(NAMES, NAMES, times, VALUES), min_size=1, max_size=60)


def micro(value: float) -> int:
    """Return a value's micro-units (D27) by exact arithmetic. `round` of a Fraction rounds half to even."""
    return round(Fraction(value * 1e6))


def plain_aggregates(rows: Sequence[Event], *, window_ns: int) -> dict[tuple[int, bytes], Aggregate]:
    """Return the same aggregates, computed with a dictionary and integers."""
    grouped: dict[tuple[int, bytes], list[float]] = defaultdict(list)
    for source, kind, time, value in rows:
        grouped[time // window_ns, name_of(source, kind)].append(value)
    return {
        key: Aggregate(len(values), sum(map(micro, values)), min(values), max(values))
        for key, values in grouped.items()
    }


def window_aggregates(aggregation: Aggregation) -> dict[tuple[int, bytes], Aggregate]:
    """Return the window aggregates by (window, name)."""
    return {
        (window, name): aggregate
        for window, block in aggregation.windows.items()
        for name, aggregate in block.aggregates().items()
    }


def packed_aggregates(aggregation: Aggregation) -> dict[tuple[int | None, bytes], bytes]:
    """Return every aggregate in the 40 bytes that the store keeps. Window None holds the totals."""
    blocks = [(None, aggregation.totals), *aggregation.windows.items()]
    return {
        (window, name): row.tobytes()
        for window, block in blocks
        for name, row in zip(block.names, block.packed, strict=True)
    }


def aggregates_of(rows: Sequence[Event], *, window_ns: int = SECOND) -> Aggregation:
    """Return the aggregation of rows in one batch."""
    return aggregate([columns_of(rows)], KeyTable(), window_ns=window_ns)


def grid(names: Sequence[str], sources: Sequence[int]) -> Columns:
    """Return columns with an event of every pair of some sources and all kinds; both dictionaries are *names*."""
    source, kind = (index.ravel() for index in np.meshgrid(np.array(sources), np.arange(len(names))))
    zeros = np.zeros(len(source))
    return Columns(
        tuple(names), tuple(names), source.astype(np.uint32), kind.astype(np.uint32), zeros.astype(np.int64), zeros
    )


def same_values(count: int, value: float, *, time_ns: int = 0) -> Columns:
    """Return columns of one key that repeat a value."""
    zeros = np.zeros(count, np.uint8)
    return Columns(("a",), ("x",), zeros, zeros, np.full(count, time_ns, np.int64), np.full(count, value))


@given(rows=events(CLOSE_TIMES))
def test_windows_and_totals_equal_plain_integers(rows: list[Event]) -> None:
    """Count, exact sum, minimum and maximum of every aggregate, before and after 1970."""
    aggregation = aggregates_of(rows)

    assert window_aggregates(aggregation) == plain_aggregates(rows, window_ns=SECOND)
    whole = plain_aggregates([(source, kind, 0, value) for source, kind, _, value in rows], window_ns=SECOND)
    assert aggregation.totals.aggregates() == {name: aggregate for (_, name), aggregate in whole.items()}


@given(rows=events(ANY_TIMES))
def test_windows_centuries_apart_are_as_exact(rows: list[Event]) -> None:
    """With more possible groups than a counting array may have, sorting gives the same aggregates."""
    assert window_aggregates(aggregates_of(rows)) == plain_aggregates(rows, window_ns=SECOND)


def test_windows_three_centuries_apart_keep_their_numbers_beside_a_million_names() -> None:
    """A window's number times the number of names does not fit into 64 bits: 9.4 * 10^12 windows, 10^6 names."""
    keys, names = KeyTable(), tuple(f"n{i}" for i in range(1_000))
    for first in range(0, 1_000, 250):
        aggregate([grid(names, range(first, first + 250))], keys, window_ns=SECOND)
    assert len(keys.names) == 1_000_000
    rows = [("n0", "n0", MIN_TIME_NS, 1.5), ("n999", "n999", MAX_TIME_NS - 1, 2.5), ("n0", "n0", MAX_TIME_NS - 1, 4.0)]

    aggregation = aggregate([columns_of(rows)], keys, window_ns=MIN_WINDOW_NS)

    assert window_aggregates(aggregation) == plain_aggregates(rows, window_ns=MIN_WINDOW_NS)


@given(rows=events(st.integers(MIN_TIME_NS, MAX_TIME_NS - 1)), width=st.integers(1, MAX_TIME_NS))
def test_windows_of_any_width_are_exact(rows: list[Event], width: int) -> None:
    """From one nanosecond, of which three centuries have more than 2^63, to all time."""
    assert window_aggregates(aggregates_of(rows, window_ns=width)) == plain_aggregates(rows, window_ns=width)


def test_both_ways_of_grouping_give_the_same_aggregates() -> None:
    """One more event, in a window beyond the limit, switches from counting to sorting."""
    dense = [("a", "x", 0, 1.5), ("a", "y", SECOND, 2.5), ("a", "x", 2 * SECOND, -3.5)]
    sparse = [*dense, ("b", "y", (DENSE_GROUPS + 1) * SECOND, 4.5)]

    assert window_aggregates(aggregates_of(dense)) == plain_aggregates(dense, window_ns=SECOND)
    assert window_aggregates(aggregates_of(sparse)) == plain_aggregates(sparse, window_ns=SECOND)


@given(rows=events(CLOSE_TIMES), data=st.data())
def test_order_does_not_change_a_bit(rows: list[Event], data: st.DataObject) -> None:
    """The same events in another order give the same bytes, also with 0.0 beside -0.0."""
    shuffled = data.draw(st.permutations(rows))

    assert packed_aggregates(aggregates_of(shuffled)) == packed_aggregates(aggregates_of(rows))


@given(rows=events(CLOSE_TIMES), data=st.data())
def test_batch_boundaries_do_not_change_a_bit(rows: list[Event], data: st.DataObject) -> None:
    """The same events in other batches, with their own dictionaries, give the same bytes."""
    cuts = sorted(data.draw(st.sets(st.integers(0, len(rows)))) | {0, len(rows)})
    parts = [columns_of(rows[start:end]) for start, end in itertools.pairwise(cuts)]

    assert packed_aggregates(aggregate(parts, KeyTable(), window_ns=SECOND)) == packed_aggregates(aggregates_of(rows))


@given(rows=events(CLOSE_TIMES), data=st.data())
def test_aggregates_of_parts_merge_into_the_aggregate_of_all(rows: list[Event], data: st.DataObject) -> None:
    """`merged` adds the aggregates of two rounds exactly."""
    at = data.draw(st.integers(1, max(1, len(rows) - 1)))
    same_key = [("a", "x", 0, value) for *_, value in rows]
    parts = [aggregates_of(part).totals.aggregates() for part in (same_key[:at], same_key[at:]) if part]
    [name] = parts[0]

    merged = parts[0][name] if len(parts) == 1 else parts[0][name].merged(parts[1][name])

    assert merged == aggregates_of(same_key).totals.aggregates()[name]


def test_a_sum_beyond_64_bits_is_exact() -> None:
    """As many events as a commit may hold, each as large as allowed, and one of a micro-unit."""
    columns = [same_values(MAX_COMMIT_EVENTS - 1, MAX_VALUE), same_values(1, 1e-6)]

    exact = aggregate(columns, KeyTable(), window_ns=SECOND).totals.aggregates()[name_of("a", "x")]

    assert exact.sum_micro == (MAX_COMMIT_EVENTS - 1) * 2**45 * 10**6 + 1
    assert exact.sum_micro > 2**64


def test_huge_values_of_both_signs_cancel_to_the_last_micro_unit() -> None:
    """A micro-unit between two large numbers is kept, which floating-point addition would lose."""
    rows = [("a", "x", 0, MAX_VALUE), ("a", "x", 0, 0.000001), ("a", "x", 0, -MAX_VALUE)]

    assert aggregates_of(rows).totals.aggregates()[name_of("a", "x")].sum_micro == 1


def test_minus_zero_is_stored_as_zero() -> None:
    """Minimum and maximum of -0.0 have the bytes of 0.0, so that they do not depend on the order."""
    [row] = aggregates_of([("a", "x", 0, -0.0)]).totals.packed

    assert row.tobytes() == PACKED.pack(1.0, 0.0, 0.0, 0.0, 0.0)


def test_half_a_micro_unit_is_rounded_to_even() -> None:
    """Rounding is `numpy.rint` of the product, half to even, for both signs."""
    values = [0.5e-6, 1.5e-6, -0.5e-6, -1.5e-6, 2.5e-6]
    sums = [aggregates_of([("a", "x", 0, value)]).totals.aggregates()[name_of("a", "x")].sum_micro for value in values]

    assert sums == [int(np.rint(value * 1e6)) for value in values] == [0, 2, 0, -2, 2]


def test_a_key_table_serves_batches_with_other_dictionaries() -> None:
    """The same table is used in every round. A pair keeps its number wherever it stands in a dictionary."""
    keys = KeyTable()
    first = aggregate([columns_of([("a", "x", 0, 1.0)])], keys, window_ns=SECOND)
    second = aggregate([columns_of([("b", "y", 0, 2.0), ("a", "x", 0, 3.0)])], keys, window_ns=SECOND)

    assert set(first.totals.names) == {name_of("a", "x")}
    assert {name: aggregate.sum_micro for name, aggregate in second.totals.aggregates().items()} == {
        name_of("a", "x"): 3_000_000,
        name_of("b", "y"): 2_000_000,
    }


@given(
    count=st.integers(1, 2**53 - 1),
    high=st.integers(-(2**53) + 1, 2**53 - 1),
    low=st.integers(0, 2**32 - 1),
)
def test_the_packed_sum_is_high_limb_times_two_to_the_32_plus_low(count: int, high: int, low: int) -> None:
    """Every aggregate that the store may hold unpacks to the exact integer."""
    aggregate = unpack(PACKED.pack(count, high, low, -1.0, 1.0))

    assert (aggregate.count, aggregate.sum_micro) == (count, high * 2**32 + low)
