"""A batch survives the wire, however legally it was cut. Other bytes raise PayloadError."""

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.contracts.batches import Columns, PayloadError, decode, encode
from services.contracts.generated.lab.ingest.v1.ingest_pb2 import EventBatch
from tests.events import columns_of

REFUSALS = {"", "MALFORMED", "RAGGED_COLUMNS"}
"""Reasons of PayloadError for any bytes; empty for bytes that are a batch."""

LENGTH_DELIMITED = 2
COLUMN_FIELDS = {"source_index": 5, "kind_index": 6, "time_unix_nano": 7, "value": 8}
INT64 = st.integers(-(2**63), 2**63 - 1)
NAMES = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)


@st.composite
def batches(draw: st.DrawFn, *, min_events: int = 1, max_names: int = 300) -> Columns:
    """Draw columns of any contents that the wire can carry. More than 128 names need an index of two bytes."""
    events = draw(st.integers(min_events, 40))
    sources, kinds = draw(st.integers(1, max_names)), draw(st.integers(1, 5))
    of = [st.lists(elements, min_size=events, max_size=events) for elements in _elements(sources, kinds)]
    source_index, kind_index, time_ns, value = (draw(column) for column in of)
    return Columns(
        sources=tuple(draw(NAMES) + str(number) for number in range(sources)),
        kinds=tuple(draw(st.lists(NAMES, min_size=kinds, max_size=kinds))),
        source_index=np.array(source_index, np.uint32),
        kind_index=np.array(kind_index, np.uint32),
        time_ns=np.array(time_ns, np.int64),
        value=np.array(value, np.float64),
    )


def _elements(sources: int, kinds: int) -> Sequence[st.SearchStrategy[float]]:
    return st.integers(0, sources - 1), st.integers(0, kinds - 1), INT64, st.floats(allow_nan=False)


def assert_equal(decoded: Columns, expected: Columns) -> None:
    """Assert that every column is equal, bit for bit."""
    assert (decoded.sources, decoded.kinds, decoded.schema) == (expected.sources, expected.kinds, expected.schema)
    assert decoded.source_index.tolist() == expected.source_index.tolist()
    assert decoded.kind_index.tolist() == expected.kind_index.tolist()
    assert decoded.time_ns.tolist() == expected.time_ns.tolist()
    assert np.asarray(decoded.value, np.float64).tobytes() == np.asarray(expected.value, np.float64).tobytes()


def packed(name: str, columns: Columns) -> list[bytes]:
    """Return the wire bytes of each element of a packed column."""
    if name in {"source_index", "kind_index"}:
        return [varint(number) for number in getattr(columns, name).tolist()]
    if name == "time_unix_nano":
        return [time.to_bytes(8, "little", signed=True) for time in columns.time_ns.tolist()]
    return [value.tobytes() for value in np.asarray(columns.value, "<f8")]


def varint(number: int) -> bytes:
    """Return a number as on the wire: seven bits per byte, the lowest first."""
    digits = []
    while number > 127:
        digits.append(number & 127 | 128)
        number >>= 7
    return bytes([*digits, number])


def field(number: int, content: bytes) -> bytes:
    """Return one length-delimited field as on the wire."""
    return varint(number << 3 | LENGTH_DELIMITED) + varint(len(content)) + content


def cut(columns: Columns, cuts: dict[str, int], *, event_count: int) -> bytes:
    """Return a payload whose packed columns come in two pieces, cut after so many elements."""
    head = EventBatch(
        schema=columns.schema, event_count=event_count, sources=columns.sources, kinds=columns.kinds
    ).SerializeToString()
    pieces = []
    for name, number in COLUMN_FIELDS.items():
        elements, at = packed(name, columns), cuts.get(name, 0)
        parts = [elements[:at], elements[at:]] if at else [elements]
        pieces += [field(number, b"".join(part)) for part in parts]
    return head + b"".join(pieces)


@given(columns=batches())
def test_a_batch_survives_the_wire(columns: Columns) -> None:
    """Every column is equal after encoding and decoding."""
    assert_equal(decode(encode(columns)), columns)


def test_a_batch_of_one_event_survives_the_wire() -> None:
    """The smallest batch needs no special case."""
    single = columns_of([("pi", "temp", 7, 41.5)])

    assert_equal(decode(encode(single)), single)
    assert len(single) == 1


@given(columns=batches(min_events=2), data=st.data())
def test_a_legally_split_column_loses_nothing(columns: Columns, data: st.DataObject) -> None:
    """Every packed column may arrive in two pieces, cut anywhere."""
    names = data.draw(st.sets(st.sampled_from(sorted(COLUMN_FIELDS)), min_size=1))
    cuts = {name: data.draw(st.integers(1, len(columns) - 1)) for name in names}

    assert_equal(decode(cut(columns, cuts, event_count=len(columns))), columns)


def test_columns_all_split_in_half_are_not_taken_for_a_batch_of_half_the_size() -> None:
    """A trap for the fast reader: each last piece has as many elements as `event_count` says."""
    columns = columns_of([("a", "x", time, float(time)) for time in range(8)])

    with pytest.raises(PayloadError, match="event_count is 4, but source_index 8"):
        decode(cut(columns, dict.fromkeys(COLUMN_FIELDS, 4), event_count=4))


@given(columns=batches(min_events=2, max_names=3))
def test_unpacked_numbers_are_read_like_packed_numbers(columns: Columns) -> None:
    """A writer may send one field per element."""
    whole = EventBatch.FromString(encode(columns))
    times = columns.time_ns.tolist()
    del whole.time_unix_nano[:]
    fixed64 = b"".join(varint(7 << 3 | 1) + time.to_bytes(8, "little", signed=True) for time in times)

    assert_equal(decode(whole.SerializeToString() + fixed64), columns)


@pytest.mark.parametrize("name", COLUMN_FIELDS)
@pytest.mark.parametrize("change", [-1, 1])
def test_a_ragged_column_is_named(name: str, change: int) -> None:
    """A column that is too short or too long is refused, with its length."""
    batch = EventBatch.FromString(encode(columns_of([("a", "x", 1, 1.0), ("a", "x", 2, 2.0)])))
    column = getattr(batch, name)
    column.pop() if change < 0 else column.append(column[0])

    with pytest.raises(PayloadError, match=f"event_count is 2, but .*{name} {2 + change}") as refused:
        decode(batch.SerializeToString())

    assert refused.value.reason == "RAGGED_COLUMNS"


@given(payload=st.binary(max_size=200))
def test_random_bytes_raise_nothing_but_payload_error(payload: bytes) -> None:
    """A caller has one error to catch."""
    assert refusal_of(payload) in REFUSALS


@given(columns=batches(max_names=3), data=st.data())
def test_a_damaged_batch_raises_nothing_but_payload_error(columns: Columns, data: st.DataObject) -> None:
    """A flipped byte or a cut end gives columns of equal length, or PayloadError."""
    payload = bytearray(encode(columns))
    payload[data.draw(st.integers(0, len(payload) - 1))] = data.draw(st.integers(0, 255))

    assert refusal_of(bytes(payload[: data.draw(st.integers(0, len(payload)))])) in REFUSALS


def refusal_of(payload: bytes) -> str:
    """Return why a payload is refused; an empty text for a batch, whose columns must be equally long."""
    try:
        columns = decode(payload)
    except PayloadError as error:
        return error.reason
    arrays = (columns.source_index, columns.kind_index, columns.time_ns, columns.value)
    assert {len(array) for array in arrays} == {len(columns)}
    return ""
