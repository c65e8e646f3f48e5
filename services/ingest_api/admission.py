"""Decides which batches are admitted. Pure."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

import numpy as np
from numpy.typing import NDArray

from services.contracts.aggregates import name_of
from services.contracts.batches import Columns, PayloadError, decode
from services.contracts.generated.lab.ingest.v1.fast_reader_pb2 import AppendRequestReader
from services.contracts.generated.lab.ingest.v1.ingest_pb2 import AppendRequest
from services.contracts.limits import (
    DEFAULT_WINDOW_NS,
    EVENT_SCHEMA,
    MAX_BATCH_EVENTS,
    MAX_COMMIT_AGGREGATES,
    MAX_NAME_BYTES,
    MAX_REQUEST_BYTES,
    MAX_RUN_BYTES,
    MAX_SEQUENCE,
    MAX_TIME_NS,
    MAX_VALUE,
    MIN_TIME_NS,
    MIN_WINDOW_NS,
    PRODUCER_ID_BYTES,
)
from services.ledger.records import Append
from services.serving.invalid import InvalidRequest

EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
TABLES_KEPT: Final = 1_024


class NotAdmitted(InvalidRequest):
    """A batch, or the request that carries it, can never be accepted as it is."""


@dataclass(frozen=True, slots=True)
class Envelope:
    """Fields of an AppendRequest, with the batch as bytes."""

    producer: bytes
    sequence: int
    run: str
    window_ns: int
    payload: bytes


class Admission:
    """Checks requests. Remembers the dictionaries of names it has checked, since producers repeat theirs."""

    def __init__(self) -> None:
        self._tables: dict[tuple[tuple[str, ...], tuple[str, ...]], list[bytes]] = {}

    def admit(self, request: bytes, *, traceparent: str = "") -> Append:
        """Return the batch of a serialized AppendRequest. Raises NotAdmitted."""
        if len(request) > MAX_REQUEST_BYTES:
            raise NotAdmitted("REQUEST_TOO_LARGE", "", f"request is {len(request)} bytes, limit {MAX_REQUEST_BYTES}")
        envelope = open_envelope(request)
        check_envelope(envelope)
        try:
            columns = decode(envelope.payload)
        except PayloadError as error:
            raise NotAdmitted(error.reason, "batch", str(error)) from error
        check_columns(columns)
        names = self._names(columns)
        pair = columns.source_index.astype(np.intp) * len(columns.kinds) + columns.kind_index
        check_spread(columns, pair, envelope.window_ns)
        present = np.flatnonzero(np.bincount(pair)).tolist()
        return Append(
            producer=envelope.producer,
            sequence=envelope.sequence,
            run=envelope.run,
            window_ns=envelope.window_ns,
            payload=envelope.payload,
            events=len(columns),
            names=[names[number] for number in present],
            traceparent=traceparent,
        )

    def _names(self, columns: Columns) -> list[bytes]:
        """Return the aggregate names of all pairs of the dictionaries, which are checked once."""
        table = self._tables.get((columns.sources, columns.kinds))
        if table is None:
            check_names("sources", columns.sources)
            check_names("kinds", columns.kinds)
            if len(self._tables) >= TABLES_KEPT:
                self._tables.clear()
            table = [name_of(source, kind) for source in columns.sources for kind in columns.kinds]
            self._tables[columns.sources, columns.kinds] = table
        check_index("source_index", columns.source_index, len(columns.sources))
        check_index("kind_index", columns.kind_index, len(columns.kinds))
        return table


def events_in(request: bytes) -> int | None:
    """Return the number of events in a serialized AppendRequest; None for a request that cannot be read."""
    if len(request) > MAX_REQUEST_BYTES:
        return None
    try:
        return len(decode(open_envelope(request).payload))
    except (NotAdmitted, PayloadError):
        return None


def open_envelope(request: bytes) -> Envelope:
    """Return the fields of a request. The public message joins a field that came in pieces. Raises NotAdmitted."""
    try:
        reader = AppendRequestReader.FromString(request)
        payload = reader.batch
        if reader.ByteSize() != len(request):
            payload = AppendRequest.FromString(request).batch.SerializeToString()
    except Exception as error:
        raise NotAdmitted("MALFORMED", "", f"request is not an AppendRequest ({error})") from error
    return Envelope(reader.producer_id, reader.sequence, reader.run, reader.window_nanos or DEFAULT_WINDOW_NS, payload)


def check_envelope(envelope: Envelope) -> None:
    """Check producer, sequence, run and window width. Raises NotAdmitted."""
    if len(envelope.producer) != PRODUCER_ID_BYTES:
        size = len(envelope.producer)
        raise NotAdmitted("BAD_PRODUCER_ID", "producer_id", f"{size} bytes, {PRODUCER_ID_BYTES} needed")
    if not 1 <= envelope.sequence <= MAX_SEQUENCE:
        raise NotAdmitted("BAD_SEQ", "sequence", f"must be 1..{MAX_SEQUENCE}")
    if not 1 <= len(envelope.run.encode()) <= MAX_RUN_BYTES or not envelope.run.isprintable():
        raise NotAdmitted("BAD_RUN", "run", f"1..{MAX_RUN_BYTES} printable bytes are needed")
    if not MIN_WINDOW_NS <= envelope.window_ns <= MAX_TIME_NS:
        raise NotAdmitted("BAD_WINDOW", "window_nanos", f"{envelope.window_ns}, at least {MIN_WINDOW_NS} is needed")


def check_columns(columns: Columns) -> None:
    """Check the layout, the number of events, values and times. Raises NotAdmitted."""
    count = len(columns)
    if columns.schema != EVENT_SCHEMA:
        raise NotAdmitted("BAD_SCHEMA", "schema", f"{columns.schema}, this service knows {EVENT_SCHEMA}")
    if count == 0:
        raise NotAdmitted("EMPTY_BATCH", "event_count", "at least 1 is needed")
    if count > MAX_BATCH_EVENTS:
        raise NotAdmitted("BATCH_TOO_LARGE", "event_count", f"{count}, limit {MAX_BATCH_EVENTS}; split the batch")
    # `not … <=` is true for NaN as well.
    if not float(np.abs(columns.value).max()) <= MAX_VALUE:
        raise _bad_value(columns.value)
    if not MIN_TIME_NS <= int(columns.time_ns.min()) <= int(columns.time_ns.max()) < MAX_TIME_NS:
        raise _bad_time(columns.time_ns)


def check_names(field: str, names: tuple[str, ...]) -> None:
    """Check length and characters of a dictionary's names. Raises NotAdmitted."""
    for i, name in enumerate(names):
        size = len(name.encode())
        if size > MAX_NAME_BYTES:
            raise NotAdmitted("NAME_TOO_LONG", f"{field}[{i}]", f"{size} bytes, limit {MAX_NAME_BYTES}")
        if not name or not name.isprintable():
            raise NotAdmitted("BAD_NAME", f"{field}[{i}]", f"{name!r} is empty or not printable")


def check_index(field: str, index: NDArray[np.unsignedinteger], size: int) -> None:
    """Check that every index lies inside its dictionary. Raises NotAdmitted."""
    if int(index.max()) >= size:
        at = int(np.argmax(index >= size))
        raise NotAdmitted("BAD_INDEX", f"{field}[{at}]", f"{int(index[at])}, dictionary has {size}")


def check_spread(columns: Columns, pair: NDArray[np.intp], window_ns: int) -> None:
    """Check that one commit can hold the aggregates of a batch. Raises NotAdmitted."""
    if len(columns) <= MAX_COMMIT_AGGREGATES:
        return
    aggregates = len(np.unique(np.stack((columns.time_ns // window_ns, pair)), axis=1).T)
    if aggregates > MAX_COMMIT_AGGREGATES:
        spread = f"{aggregates} aggregates of (window, source, kind), limit {MAX_COMMIT_AGGREGATES}"
        raise NotAdmitted("BATCH_TOO_SCATTERED", "batch", f"{spread}; send fewer at once or use wider windows")


def _bad_value(values: NDArray[np.float64]) -> NotAdmitted:
    at = int(np.argmax(~(np.abs(values) <= MAX_VALUE)))
    value = float(values[at])
    if np.isnan(value):
        return NotAdmitted("BAD_VALUE", f"value[{at}]", "NaN is not allowed")
    return NotAdmitted("BAD_VALUE", f"value[{at}]", f"{value!r}, magnitude must be at most 2^45")


def _bad_time(times: NDArray[np.int64]) -> NotAdmitted:
    at = int(np.argmax((times < MIN_TIME_NS) | (times >= MAX_TIME_NS)))
    moment = EPOCH + timedelta(microseconds=int(times[at]) // 1_000)
    return NotAdmitted("BAD_TIME", f"time_unix_nano[{at}]", f"{moment:%Y-%m-%dT%H:%M:%SZ}, must be 1900..2200")
