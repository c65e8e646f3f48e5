"""Decides which batches are admitted."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final, TypeVar

from services.contracts.batch_rules import check_columns, check_indexes, check_spread
from services.contracts.batches import Columns, PayloadError, decode
from services.contracts.generated.lab.ingest.v1.fast_reader_pb2 import AppendRequestReader
from services.contracts.generated.lab.ingest.v1.ingest_pb2 import AppendRequest
from services.contracts.key_table import pair_numbers
from services.contracts.limits import (
    DEFAULT_WINDOW_NS,
    MAX_DICTIONARY_NAMES,
    MAX_REQUEST_BYTES,
    MAX_RUN_BYTES,
    MAX_SEQUENCE,
    MAX_TIME_NS,
    MIN_WINDOW_NS,
    PRODUCER_ID_BYTES,
)
from services.ingest_api.checked_names import CheckedNames
from services.ledger.records import Append
from services.serving.invalid import InvalidRequest

LARGE_BYTES: Final = 128 << 10
"""Larger messages are parsed one after the other. A mebibyte of empty names takes 40 MiB while it is parsed."""

_large: Final = ThreadPoolExecutor(1, thread_name_prefix="large")
"""A thread of its own, since the C library keeps memory that was freed apart for each thread."""
T = TypeVar("T")


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
        self._checked = CheckedNames()

    def admit(self, request: bytes, *, traceparent: str = "") -> Append:
        """Return the batch of a serialized AppendRequest. Raises NotAdmitted."""
        if len(request) > MAX_REQUEST_BYTES:
            raise NotAdmitted("REQUEST_TOO_LARGE", "", f"request is {len(request)} bytes, limit {MAX_REQUEST_BYTES}")
        envelope = open_envelope(request)
        check_envelope(envelope)
        try:
            columns = _parsed(_columns, envelope.payload)
            check_columns(columns)
            pair_names = self._checked.dictionaries(columns)
            check_indexes(columns)
            pairs = pair_numbers(columns)
            check_spread(columns, pairs, envelope.window_ns)
        except PayloadError as error:
            raise NotAdmitted(error.reason, error.field or "batch", str(error)) from error
        return Append(
            producer=envelope.producer,
            sequence=envelope.sequence,
            run=envelope.run,
            window_ns=envelope.window_ns,
            payload=envelope.payload,
            events=len(columns),
            names=self._checked.names(columns, pairs, pair_names),
            traceparent=traceparent,
        )


def events_in(request: bytes) -> int | None:
    """Return the number of events in a serialized AppendRequest; None for a request that cannot be read."""
    if len(request) > MAX_REQUEST_BYTES:
        return None
    try:
        return len(_parsed(_columns, open_envelope(request).payload))
    except (NotAdmitted, PayloadError):
        return None


def open_envelope(request: bytes) -> Envelope:
    """Return the fields of a request. The public message joins a field that came in pieces. Raises NotAdmitted."""
    try:
        reader = AppendRequestReader.FromString(request)
        payload = reader.batch
        if reader.ByteSize() != len(request):
            payload = _parsed(_joined_batch, request)
    except MemoryError:
        raise
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


def _parsed(parse: Callable[[bytes], T], message: bytes) -> T:
    """Parse a message; a large one when no other large one is being parsed. Raises what *parse* raises."""
    return parse(message) if len(message) <= LARGE_BYTES else _large.submit(parse, message).result()


def _columns(payload: bytes) -> Columns:
    return decode(payload, most_names=MAX_DICTIONARY_NAMES)


def _joined_batch(request: bytes) -> bytes:
    return AppendRequest.FromString(request).batch.SerializeToString()
