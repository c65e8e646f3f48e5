"""Batches that tests append, their sums, and commits of the entries that tests read."""

from collections.abc import Sequence
from itertools import count

import numpy as np

from services.contracts.aggregates import Aggregation, aggregate
from services.contracts.batches import Columns, decode, encode
from services.contracts.key_table import KeyTable, name_of
from services.ledger.records import Append, Commit, Entry
from services.ledger.redis_ledger import RedisLedger

SECOND = 1_000_000_000
RUN = "measured"


def batch(seed: int, *, events: int = 50, windows: int = 2) -> Columns:
    """Return events with values of many magnitudes, in a few windows."""
    draw = np.random.default_rng(seed)
    return Columns(
        sources=("a", "b", "c"),
        kinds=("x", "y"),
        source_index=draw.integers(0, 3, events).astype(np.uint32),
        kind_index=draw.integers(0, 2, events).astype(np.uint32),
        time_ns=1_700_000_000 * SECOND + draw.integers(0, windows * SECOND, events),
        value=draw.normal(0, 1, events) * 10.0 ** draw.integers(-9, 12, events),
    )


def append_of(columns: Columns, sequence: int, *, run: str = RUN, producer: bytes = b"p" * 16) -> Append:
    """Return the append of a batch."""
    names = [name_of(source, kind) for source in columns.sources for kind in columns.kinds]
    return Append(producer, sequence, run, SECOND, encode(columns), len(columns), names)


def fill(ledger: RedisLedger, batches: int, *, events: int = 50, run: str = RUN) -> list[Columns]:
    """Append batches with seeds 1, 2, … and return them."""
    written = [batch(seed, events=events) for seed in range(1, batches + 1)]
    for sequence, columns in zip(count(1), written, strict=False):
        assert not ledger.append(append_of(columns, sequence, run=run)).duplicate
    return written


def folded(entries: Sequence[Entry]) -> Aggregation:
    """Return the aggregation of entries."""
    return aggregate([decode(entry.payload) for entry in entries], KeyTable(), window_ns=SECOND)


def commit_of(entries: Sequence[Entry]) -> Commit:
    """Return the commit of entries without bad events."""
    return Commit(RUN, entries, folded(entries))


def exact_sum(written: Sequence[Columns]) -> int:
    """Return the sum of micro-units, in plain integers."""
    return sum(int(value) for columns in written for value in np.rint(columns.value * 1e6))
