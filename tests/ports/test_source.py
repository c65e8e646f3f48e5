"""What every source of events does: synthetic events, a replayed file, readings of this machine."""

import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np
import pytest
from numpy.typing import NDArray

from services.contracts.batch_rules import check_countable, check_names
from services.contracts.batches import Columns, decode, encode
from services.contracts.limits import MIN_WINDOW_NS, NANOS
from services.simulator.source import Source, SourceClosed
from services.simulator.sources.host import open_host
from services.simulator.sources.replay import open_replay
from services.simulator.sources.synthetic import SyntheticSource

EVENTS: Final = 60
"""Events that each source has at least."""
SIZES: Final = (1, 7, 20)
"""Sizes of batches that together need no more events."""
KINDS: Final = ("synthetic", "replay", "host")


class Opened(NamedTuple):
    """A source, and how to open another that gives events of the same origin."""

    source: Source
    again: Callable[[], Source]


def synthetic(_folder: Path) -> Source:
    """Return a source of random events."""
    return SyntheticSource(seed=7, sources=3, kinds=2)


def replay(folder: Path) -> Source:
    """Return a source that reads a file with a row that is missing and a column that is left out."""
    path = folder / "flows.csv"
    rows = (f"2026-11-20T10:00:{row:02d}Z,rack-{row % 3},{row},{row / 4},dry {row}\n" for row in range(EVENTS // 2))
    path.write_text("time,host,a,b,note\n" + "".join(rows) + "2026-11-20T11:00:00Z,rack-0,?,1,dry\n")
    return open_replay(str(path), "")


def host(_folder: Path) -> Source:
    """Return a source that reads this machine."""
    return open_host(0.0)


SOURCES: Final[dict[str, Callable[[Path], Source]]] = {"synthetic": synthetic, "replay": replay, "host": host}


@pytest.fixture(params=KINDS)
def opened(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Opened]:
    """Yield each source, and close it."""
    open_source = SOURCES[request.param]
    with closing(open_source(tmp_path)) as source:
        yield Opened(source, lambda: open_source(tmp_path))


def due_now(events: int) -> NDArray[np.int64]:
    """Return the intended times of events that are due."""
    return np.full(events, time.time_ns(), np.int64)


@pytest.mark.parametrize("size", SIZES)
def test_a_batch_has_an_event_for_each_intended_time(opened: Opened, size: int) -> None:
    """Whatever its size; each column has an element for each event."""
    batch = opened.source.take(due_now(size))
    assert len(batch) == size
    assert {len(column) for column in (batch.source_index, batch.kind_index, batch.time_ns, batch.value)} == {size}


def test_every_batch_can_be_counted(opened: Opened) -> None:
    """Names, indexes, times and values keep the rules of the wire, so that ingest-api refuses none of them."""
    for size in SIZES:
        batch = opened.source.take(due_now(size))
        check_names("sources", batch.sources)
        check_names("kinds", batch.kinds)
        check_countable(batch, MIN_WINDOW_NS)


def test_a_batch_survives_the_wire(opened: Opened) -> None:
    """Its columns have the types of the wire: nothing is rounded or cut."""
    batch = opened.source.take(due_now(SIZES[-1]))
    received = decode(encode(batch))
    assert contents(received) == contents(batch)
    assert [column.dtype.name for column in (batch.time_ns, batch.value)] == ["int64", "float64"]


def test_a_batch_stays_as_it_was_given(opened: Opened) -> None:
    """A batch is sent later than it is made, and the next batches are made meanwhile."""
    first = opened.source.take(due_now(SIZES[1]))
    before = contents(first)
    for size in SIZES:
        opened.source.take(due_now(size))
    assert contents(first) == before


def test_a_batch_names_only_what_it_may_hold(opened: Opened) -> None:
    """No name stands twice in a dictionary: a pair would have two numbers."""
    batch = opened.source.take(due_now(SIZES[-1]))
    assert len(set(batch.sources)) == len(batch.sources)
    assert len(set(batch.kinds)) == len(batch.kinds)


def test_a_source_that_is_not_live_gives_the_same_events_again(opened: Opened) -> None:
    """Of the same seed, of the same file, whenever they are due; a live source reads anew."""
    due = due_now(SIZES[-1])
    with closing(opened.again()) as other:
        events = contents(opened.source.take(due)), contents(other.take(due))
        assert opened.source.is_live == other.is_live
    assert (events[0] == events[1]) != opened.source.is_live


def test_a_live_source_gives_an_event_at_its_time_and_no_other_source_waits(opened: Opened) -> None:
    """Readings cannot be taken before they are due; all other events are there at once."""
    opened.source.take(due_now(1))
    soon = time.time_ns() + NANOS // 4
    far = soon if opened.source.is_live else soon + 3_600 * NANOS
    batch = opened.source.take(np.full(40, far, np.int64))
    assert (time.time_ns() >= far) == opened.source.is_live
    assert len(batch) == 40


def test_what_a_reader_should_know_can_be_shown(opened: Opened) -> None:
    """The description is one line, every note is one line; only a file has a description."""
    source = opened.source
    assert source.description.isprintable()
    assert all(note and note.isprintable() for note in source.notes)
    assert bool(source.description) == bool(source.notes)


def test_skipped_rows_are_counted_and_the_first_are_named(opened: Opened) -> None:
    """Each with its line and a reason, in the order of the lines."""
    source = opened.source
    assert len(source.skipped) == min(source.skipped_rows, 100)
    assert [row.line for row in source.skipped] == sorted(row.line for row in source.skipped)
    assert all(row.line > 0 and row.reason.isprintable() for row in source.skipped)
    assert bool(source.skipped_rows) == bool(source.description)


def test_a_source_can_be_closed_twice(opened: Opened) -> None:
    """The servicer closes it at the end of a load run, whatever closed it before."""
    before = opened.source.description
    opened.source.close()
    opened.source.close()
    assert opened.source.description == before


def test_a_closed_source_does_not_wait(opened: Opened) -> None:
    """It gives its events, or says that the load run has ended; a load run that ends is not held up."""
    opened.source.close()
    due = np.full(SIZES[1], time.time_ns() + 3_600 * NANOS, np.int64)
    if opened.source.is_live:
        with pytest.raises(SourceClosed, match="has ended"):
            opened.source.take(due)
    else:
        assert len(opened.source.take(due)) == SIZES[1]


def contents(batch: Columns) -> list[tuple[str, str, int, float]]:
    """Return the events of a batch: source, kind, time in ns, value."""
    columns = zip(batch.source_index, batch.kind_index, batch.time_ns, batch.value, strict=True)
    return [(batch.sources[s], batch.kinds[k], int(t), float(v)) for s, k, t, v in columns]
