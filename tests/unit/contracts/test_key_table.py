"""Only (source, kind) pairs that occur are numbered, however many the dictionaries of a batch span."""

import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.contracts.batches import Columns
from services.contracts.key_table import TABLE_PAIRS_KEPT, KeyTable, name_of, pair_names, pair_numbers

SIZES = st.sampled_from([1, 2, 300, 1_150])
MEBIBYTE = 1 << 20


def batch(sources: int, kinds: int, pairs: list[tuple[int, int]], *, prefix: str = "") -> Columns:
    """Return columns with an event for each (source, kind) of two dictionaries of some size."""
    source, kind = np.array(pairs, np.uint32).T
    zeros = np.zeros(len(pairs))
    return Columns(
        tuple(f"{prefix}s{i}" for i in range(sources)),
        tuple(f"{prefix}k{i}" for i in range(kinds)),
        source,
        kind,
        zeros.astype(np.int64),
        zeros,
    )


def diagonal(size: int, *, prefix: str = "") -> Columns:
    """Return columns in which each source has one kind of its own."""
    return batch(size, size, [(i, i) for i in range(size)], prefix=prefix)


@st.composite
def batches(draw: st.DrawFn) -> Columns:
    """Draw a batch of up to twenty events over dictionaries of any size."""
    sources, kinds = draw(SIZES), draw(SIZES)
    pair = st.tuples(st.integers(0, sources - 1), st.integers(0, kinds - 1))
    return batch(sources, kinds, draw(st.lists(pair, min_size=1, max_size=20)))


@given(st.lists(batches(), min_size=1, max_size=5), st.lists(batches(), min_size=1, max_size=5))
def test_a_number_stands_for_the_same_pair_in_every_batch(first: list[Columns], second: list[Columns]) -> None:
    """In small and in large dictionaries, at the first look and at the next."""
    keys = KeyTable()
    for round_ in (first, second, first):
        numbers = keys.numbers(round_)
        names = [name for columns in round_ for name in pair_names(columns, pair_numbers(columns))]
        assert [keys.names[number] for number in numbers.tolist()] == names
    assert len(keys.names) == len(set(keys.names))


@pytest.mark.parametrize("size", [2, 200, 1_150, 5_000])
def test_only_pairs_that_occur_are_remembered(size: int) -> None:
    """12 kB of names span 1.3 million pairs; of a thousand events a thousand pairs are kept, in little memory."""
    keys, columns = KeyTable(), diagonal(size)
    tracemalloc.start()
    keys.numbers([columns])
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert keys.names == [name_of(f"s{i}", f"k{i}") for i in range(size)]
    assert peak < 4 * MEBIBYTE


def test_ever_new_dictionaries_do_not_fill_the_memory() -> None:
    """Producers may send other names with every batch. What is remembered of their dictionaries has a bound."""
    keys = KeyTable()
    tracemalloc.start()
    for number in range(120):
        keys.numbers([batch(250, 250, [(0, 0)], prefix=f"{number}-")])
    held, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert len(keys.names) == 120
    assert held < 8 * TABLE_PAIRS_KEPT + 4 * MEBIBYTE
    assert keys.memory_bytes < MEBIBYTE


def test_an_index_outside_its_dictionary_is_an_error() -> None:
    """Columns are checked before; what nobody checked fails and is not counted under another name."""
    with pytest.raises(IndexError):
        KeyTable().numbers([batch(2, 2, [(5, 0)])])
