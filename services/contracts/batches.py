"""Encodes columns of events as payload bytes, and decodes them."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from services.contracts.generated.lab.ingest.v1.fast_reader_pb2 import EventBatchReader
from services.contracts.generated.lab.ingest.v1.ingest_pb2 import EventBatch
from services.contracts.limits import EVENT_SCHEMA

SINGLE_BYTE: Final = 128
"""A varint below this takes one byte. A column of such varints is the array of its numbers."""


@dataclass(frozen=True, slots=True)
class Columns:
    """A batch of events; the four arrays have one element per event.

    Attributes:
        sources: Dictionary that `source_index` points into.
        kinds: Dictionary that `kind_index` points into.
        source_index: Position of each event's source, unsigned.
        kind_index: Position of each event's kind, unsigned.
        time_ns: Nanoseconds since the epoch, UTC, int64.
        value: float64.
        schema: Version of the layout that the batch was sent in.
    """

    sources: tuple[str, ...]
    kinds: tuple[str, ...]
    source_index: NDArray[np.unsignedinteger]
    kind_index: NDArray[np.unsignedinteger]
    time_ns: NDArray[np.int64]
    value: NDArray[np.float64]
    schema: int = EVENT_SCHEMA

    def __len__(self) -> int:
        """Number of events."""
        return len(self.value)


class PayloadError(ValueError):
    """The bytes are not a batch of events, or the batch breaks a rule.

    Attributes:
        reason: Code of ours, such as `RAGGED_COLUMNS`.
        field: The part at fault, by its name in the proto; empty where the whole batch is at fault.
    """

    def __init__(self, reason: str, message: str, *, field: str = "") -> None:
        super().__init__(message)
        self.reason, self.field = reason, field


def encode(columns: Columns) -> bytes:
    """Return the payload of one entry, in the layout of `EventBatch`.

    >>> first, second = np.array([0], np.uint32), np.array([1], np.uint32)
    >>> event = Columns(("pi",), ("temp", "load"), first, second, np.array([1]), np.array([41.5]))
    >>> decode(encode(event)).kinds
    ('temp', 'load')
    """
    batch = EventBatch(
        schema=columns.schema,
        event_count=len(columns),
        sources=columns.sources,
        kinds=columns.kinds,
        source_index=columns.source_index.tolist(),
        kind_index=columns.kind_index.tolist(),
        time_unix_nano=columns.time_ns.tolist(),
        value=columns.value.tolist(),
    )
    return batch.SerializeToString()


def decode(payload: bytes, *, most_names: int | None = None) -> Columns:
    """Return the columns of a payload.

    The packed columns are read in place. A protobuf field may legally arrive in pieces, and a `bytes` field keeps only
    the last piece. Then, and where an index takes more than one byte, the public message is parsed instead.

    Args:
        payload: The bytes of an EventBatch.
        most_names: Names that a dictionary may have; None for any number. A larger dictionary is refused before its
            names are made: a mebibyte can hold half a million.

    Raises:
        PayloadError: The payload is not a batch, its columns differ in length, or a dictionary is too large.
    """
    try:
        reader = EventBatchReader.FromString(payload)
    except MemoryError:
        raise
    except Exception as error:
        raise PayloadError("MALFORMED", f"not an EventBatch: {error}") from error
    if most_names is not None and max(len(reader.sources), len(reader.kinds)) > most_names:
        field, names = max(("sources", len(reader.sources)), ("kinds", len(reader.kinds)), key=lambda pair: pair[1])
        # The error keeps this frame, and the parsed message would stay with it.
        del reader
        raise PayloadError("DICTIONARY_TOO_LARGE", f"{names} names, limit {most_names}", field=field)
    count = reader.event_count
    source_index, kind_index = _single_bytes(reader.source_index, count), _single_bytes(reader.kind_index, count)
    whole = len(reader.time_unix_nano) == 8 * count == len(reader.value)
    if source_index is None or kind_index is None or not whole or reader.ByteSize() != len(payload):
        return _decode_message(payload)
    return Columns(
        sources=tuple(reader.sources),
        kinds=tuple(reader.kinds),
        source_index=source_index,
        kind_index=kind_index,
        time_ns=np.frombuffer(reader.time_unix_nano, "<i8"),
        value=np.frombuffer(reader.value, "<f8"),
        schema=reader.schema,
    )


def _single_bytes(column: bytes, count: int) -> NDArray[np.uint8] | None:
    """Return the column as an array if every number takes one byte, else None."""
    if len(column) != count or count == 0:
        return None
    numbers = np.frombuffer(column, np.uint8)
    return numbers if int(numbers.max()) < SINGLE_BYTE else None


def _decode_message(payload: bytes) -> Columns:
    """Decode slowly, through the public message."""
    try:
        batch = EventBatch.FromString(payload)
    except MemoryError:
        raise
    except Exception as error:
        raise PayloadError("MALFORMED", f"not an EventBatch: {error}") from error
    lengths = {
        "source_index": len(batch.source_index),
        "kind_index": len(batch.kind_index),
        "time_unix_nano": len(batch.time_unix_nano),
        "value": len(batch.value),
    }
    if set(lengths.values()) != {batch.event_count}:
        told = ", ".join(f"{name} {length}" for name, length in lengths.items())
        raise PayloadError("RAGGED_COLUMNS", f"columns: event_count is {batch.event_count}, but {told}")
    return Columns(
        sources=tuple(batch.sources),
        kinds=tuple(batch.kinds),
        source_index=np.array(batch.source_index, np.uint32),
        kind_index=np.array(batch.kind_index, np.uint32),
        time_ns=np.array(batch.time_unix_nano, np.int64),
        value=np.array(batch.value, np.float64),
        schema=batch.schema,
    )
