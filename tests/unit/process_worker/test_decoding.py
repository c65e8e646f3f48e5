"""How single events are taken out of an entry."""

import numpy as np
import pytest

from services.contracts.batches import PayloadError, decode, encode
from services.ledger.records import Entry
from services.process_worker.decoding import Decoded, decoded_entry
from tests.events import columns_of

SECOND = 1_000_000_000


def entry(payload: bytes, *, events: int, window_ns: int = SECOND) -> Entry:
    """Return an entry as read from the stream."""
    return Entry("1-0", "r", window_ns, events, 0, payload)


def five_events() -> Decoded:
    """Return an entry of five events with the values 0 to 4."""
    columns = columns_of([(f"s{i}", f"k{i}", i, float(i)) for i in range(5)])
    return decoded_entry(entry(encode(columns), events=5))


def test_events_keep_their_place_in_the_entry_however_often_some_are_taken_out() -> None:
    """Positions count among what is left; the dead letter names the place in the entry."""
    rest = five_events().without(np.array([1, 3]), "first").without(np.array([1]), "second")

    assert [(event.index, event.reason) for event in rest.bad] == [(1, "first"), (3, "first"), (2, "second")]
    assert rest.columns.value.tolist() == [0.0, 4.0]


def test_taking_nothing_out_changes_nothing() -> None:
    """The entry stays as it is."""
    decoded = five_events()

    assert decoded.without(np.array([], np.intp), "nothing") is decoded


def test_all_events_can_be_taken_out() -> None:
    """Nothing is left to be counted, and every event is a dead letter."""
    rest = five_events().without(np.arange(5), "all")

    assert (len(rest.columns), len(rest.bad)) == (0, 5)


def test_a_bad_event_takes_its_own_names_along_and_no_others() -> None:
    """Thousands of bad events would each hold a large dictionary otherwise."""
    [event] = five_events().without(np.array([3]), "planted").bad
    columns = decode(event.payload)

    assert (columns.sources, columns.kinds) == (("s3",), ("k3",))
    assert (columns.value.tolist(), columns.time_ns.tolist()) == ([3.0], [3])


@pytest.mark.parametrize(("events", "window_ns"), [(4, SECOND), (0, SECOND), (5, 0)])
def test_an_entry_whose_fields_disagree_with_its_payload_is_not_ours(events: int, window_ns: int) -> None:
    """ingest-api writes the number of events and the width beside the payload."""
    with pytest.raises(PayloadError) as broken:
        decoded_entry(entry(encode(five_events().columns), events=events, window_ns=window_ns))

    assert broken.value.reason == "NOT_OURS"
