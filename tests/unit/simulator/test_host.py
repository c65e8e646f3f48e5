"""The host source reads this machine."""

import time

import numpy as np
import pytest

from services.serving.invalid import InvalidRequest
from services.simulator.source import SourceClosed
from services.simulator.sources.host import HostSource, open_host

NANOS = 1_000_000_000


def test_a_tick_reads_at_least_ten_kinds_once_each() -> None:
    """The next tick reads again."""
    source = HostSource()
    first = source.take(np.full(source.kinds, time.time_ns(), np.int64))
    assert source.kinds >= 10
    assert len(set(first.kinds)) == len(first) == source.kinds
    second = source.take(np.full(source.kinds, time.time_ns(), np.int64))
    assert second.time_ns.min() > first.time_ns.max()


def test_a_reading_is_taken_when_it_is_due() -> None:
    """Its time is the time of reading, within a tick of its intended time."""
    source = HostSource()
    due = time.time_ns() + 50_000_000 + np.arange(2 * source.kinds, dtype=np.int64) * 1_000_000
    batch = source.take(due)
    assert batch.time_ns.min() >= due[0]
    assert np.unique(batch.time_ns).size == 2
    assert batch.time_ns[source.kinds] >= due[source.kinds]


def test_a_rate_that_cannot_be_read_is_refused() -> None:
    """The message names the limit. The request is at fault, not a file."""
    with pytest.raises(InvalidRequest, match="can be read") as refused:
        open_host(10_000_000)
    assert (refused.value.reason, refused.value.field) == ("RATE_TOO_HIGH", "rate")


def test_a_wait_ends_with_the_load_run() -> None:
    """A reading that is not due yet is not waited for."""
    source = HostSource()
    source.close()
    with pytest.raises(SourceClosed, match="has ended"):
        source.take(np.full(1, time.time_ns() + 3_600 * NANOS, np.int64))
