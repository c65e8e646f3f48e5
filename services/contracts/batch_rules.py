"""Decides whether the columns of a batch keep the rules of the wire. Pure."""

from datetime import UTC, datetime, timedelta
from typing import Final

import numpy as np
from numpy.typing import NDArray

from services.contracts.batches import Columns, PayloadError
from services.contracts.key_table import pair_numbers
from services.contracts.limits import (
    EVENT_SCHEMA,
    MAX_BATCH_EVENTS,
    MAX_COMMIT_AGGREGATES,
    MAX_NAME_BYTES,
    MAX_TIME_NS,
    MAX_VALUE,
    MIN_TIME_NS,
    MIN_WINDOW_NS,
)

EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def check_columns(columns: Columns) -> None:
    """Check the layout, the number of events, values and times. Raises PayloadError."""
    count = len(columns)
    if columns.schema != EVENT_SCHEMA:
        raise PayloadError("BAD_SCHEMA", f"{columns.schema}, this service knows {EVENT_SCHEMA}", field="schema")
    if count == 0:
        raise PayloadError("EMPTY_BATCH", "at least 1 is needed", field="event_count")
    if count > MAX_BATCH_EVENTS:
        raise PayloadError(
            "BATCH_TOO_LARGE", f"{count}, limit {MAX_BATCH_EVENTS}; split the batch", field="event_count"
        )
    # `not … <=` is true for NaN as well.
    if not float(np.abs(columns.value).max()) <= MAX_VALUE:
        raise _bad_value(columns.value)
    if not MIN_TIME_NS <= int(columns.time_ns.min()) <= int(columns.time_ns.max()) < MAX_TIME_NS:
        raise _bad_time(columns.time_ns)


def check_names(field: str, names: tuple[str, ...]) -> None:
    """Check length and characters of a dictionary's names. Raises PayloadError."""
    for i, name in enumerate(names):
        size = len(name.encode())
        if size > MAX_NAME_BYTES:
            raise PayloadError("NAME_TOO_LONG", f"{size} bytes, limit {MAX_NAME_BYTES}", field=f"{field}[{i}]")
        if not name or not name.isprintable():
            raise PayloadError("BAD_NAME", f"{name!r} is empty or not printable", field=f"{field}[{i}]")


def check_indexes(columns: Columns) -> None:
    """Check that every index lies inside its dictionary. Raises PayloadError."""
    _check_index("source_index", columns.source_index, len(columns.sources))
    _check_index("kind_index", columns.kind_index, len(columns.kinds))


def check_spread(columns: Columns, pairs: NDArray[np.int64], window_ns: int) -> None:
    """Check that one commit can hold the aggregates of a batch; *pairs* are its `pair_numbers`. Raises PayloadError."""
    if len(columns) <= MAX_COMMIT_AGGREGATES:
        return
    aggregates = len(np.unique(np.stack((columns.time_ns // window_ns, pairs)), axis=1).T)
    if aggregates > MAX_COMMIT_AGGREGATES:
        spread = f"{aggregates} aggregates of (window, source, kind), limit {MAX_COMMIT_AGGREGATES}"
        raise PayloadError("BATCH_TOO_SCATTERED", f"{spread}; send fewer at once or use wider windows")


def check_countable(columns: Columns, window_ns: int) -> None:
    """Check every rule that counting a batch rests on. Raises PayloadError."""
    if not MIN_WINDOW_NS <= window_ns <= MAX_TIME_NS:
        raise PayloadError("BAD_WINDOW", f"{window_ns}, at least {MIN_WINDOW_NS} is needed", field="window_nanos")
    check_columns(columns)
    check_indexes(columns)
    check_spread(columns, pair_numbers(columns), window_ns)


def _check_index(field: str, index: NDArray[np.unsignedinteger], size: int) -> None:
    if int(index.max()) >= size:
        at = int(np.argmax(index >= size))
        raise PayloadError("BAD_INDEX", f"{int(index[at])}, dictionary has {size}", field=f"{field}[{at}]")


def _bad_value(values: NDArray[np.float64]) -> PayloadError:
    at = int(np.argmax(~(np.abs(values) <= MAX_VALUE)))
    value = float(values[at])
    if np.isnan(value):
        return PayloadError("BAD_VALUE", "NaN is not allowed", field=f"value[{at}]")
    return PayloadError("BAD_VALUE", f"{value!r}, magnitude must be at most 2^45", field=f"value[{at}]")


def _bad_time(times: NDArray[np.int64]) -> PayloadError:
    at = int(np.argmax((times < MIN_TIME_NS) | (times >= MAX_TIME_NS)))
    moment = EPOCH + timedelta(microseconds=int(times[at]) // 1_000)
    return PayloadError("BAD_TIME", f"{moment:%Y-%m-%dT%H:%M:%SZ}, must be 1900..2200", field=f"time_unix_nano[{at}]")
