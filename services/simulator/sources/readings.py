"""Reads columns of text or numbers as exact times in nanoseconds or finite doubles, or says why not. Pure."""

import math
import re
from datetime import UTC, datetime, timedelta
from typing import Final, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from services.contracts.limits import MAX_TIME_NS, MAX_VALUE, MIN_TIME_NS, NANOS

NUMBER: Final = r"^\s*[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?\s*$"
EMPTY: Final = r"^\s*(|NA|N/A|NaN|nan|null|NULL|None|-)\s*$"
ISO: Final = re.compile(
    r"\s*(\d{4})-(\d\d)-(\d\d)(?:[T ](\d\d):(\d\d)(?::(\d\d)(?:[.,](\d{1,9}))?)?)?\s*(Z|z|UTC|[+-]\d\d(?::?\d\d)?)?\s*"
)
EPOCH_UNITS: Final = ((1e17, 1, "nanoseconds"), (1e14, 1_000, "microseconds"), (1e11, 10**6, "milliseconds"))
"""(least magnitude, nanoseconds per unit, unit) of epoch numbers. Smaller numbers are seconds (until the year 5138)."""
SAMPLED_ROWS: Final = 1_000
BLOCK_ROWS: Final = 16_384
"""Texts converted to Python strings at once. A Python string takes three times the memory."""
MOSTLY: Final = 0.5
EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


class Times(NamedTuple):
    """A column of times.

    Attributes:
        nanos: Nanoseconds since the epoch, UTC, int64; 0 where a row has no time.
        trouble: Row → why it has no time.
        note: A fact that a reader should know, or empty.
    """

    nanos: NDArray[np.int64]
    trouble: dict[int, str]
    note: str


class Values(NamedTuple):
    """A column of values: float64, NaN where a row has none; row → why it has none."""

    value: NDArray[np.float64]
    trouble: dict[int, str]


def looks_numeric(column: pa.Array) -> bool:
    """Return whether most of the texts in the first thousand rows are numbers."""
    if not pa.types.is_string(column.type) and not pa.types.is_large_string(column.type):
        return bool(pa.types.is_integer(column.type) or pa.types.is_floating(column.type) or _is_decimal(column.type))
    head = column.slice(0, SAMPLED_ROWS)
    held = len(head) - pc.sum(pc.fill_null(pc.match_substring_regex(head, EMPTY), True)).as_py()  # noqa: FBT003
    numbers = pc.sum(pc.match_substring_regex(head, NUMBER)).as_py() or 0
    return bool(held) and numbers > MOSTLY * held


def looks_temporal(column: pa.Array) -> bool:
    """Return whether most of the texts in the first thousand rows are dates or times."""
    if pa.types.is_timestamp(column.type) or pa.types.is_date(column.type):
        return True
    if not pa.types.is_string(column.type):
        return False
    held = [text for text in column.slice(0, SAMPLED_ROWS).to_pylist() if text]
    return bool(held) and sum(ISO.fullmatch(text) is not None for text in held) > MOSTLY * len(held)


def values_of(column: pa.Array, name: str) -> Values:
    """Return the values of a column: finite, of magnitude at most 2^45."""
    text = column if pa.types.is_string(column.type) else None
    if text is None:
        number = pc.cast(column, pa.float64(), safe=False)
    else:
        good = pc.fill_null(pc.match_substring_regex(text, NUMBER), False)  # noqa: FBT003
        number = pc.cast(pc.utf8_trim_whitespace(pc.if_else(good, text, None)), pa.float64())
    value = number.to_numpy(zero_copy_only=False).astype(np.float64)
    usable = np.isfinite(value) & (np.abs(value) <= MAX_VALUE)
    trouble = {int(row): _why(column, int(row), value[row], name) for row in np.flatnonzero(~usable)}
    return Values(np.where(usable, value, np.nan), trouble)


def _why(column: pa.Array, row: int, value: float, name: str) -> str:
    shown = column[row].as_py()
    if shown is None or re.match(EMPTY, str(shown)):
        return f"{name}: empty"
    if np.isnan(value):
        return f"{name}: {str(shown)[:40]!r} is not a number"
    return f"{name}: {shown} is beyond 2^45" if np.isfinite(value) else f"{name}: {shown} is not finite"


def times_of(column: pa.Array) -> Times:
    """Return the times of a column. Naive times are read as UTC, epoch numbers by their magnitude."""
    if pa.types.is_date(column.type):
        column = pc.cast(column, pa.timestamp("s"))
    if pa.types.is_timestamp(column.type):
        return _of_timestamps(column)
    if pa.types.is_string(column.type) and not looks_numeric(column):
        return _of_texts(column)
    return _of_epochs(column)


def _of_timestamps(column: pa.Array) -> Times:
    per_unit = {"s": NANOS, "ms": 10**6, "us": 1_000, "ns": 1}[column.type.unit]
    times = pc.cast(column, pa.int64()).to_pylist()
    note = "" if column.type.tz else "naive times were read as UTC"
    return _checked([None if time is None else int(time) * per_unit for time in times], column, note)


def _of_texts(column: pa.Array) -> Times:
    parsed, naive = [], 0
    for begin in range(0, len(column), BLOCK_ROWS):
        for text in column.slice(begin, BLOCK_ROWS).to_pylist():
            nanos, zoned = _parse(text or "")
            parsed.append(nanos)
            naive += nanos is not None and not zoned
    return _checked(parsed, column, f"{naive:,} naive times were read as UTC" if naive else "")


def _parse(text: str) -> tuple[int | None, bool]:
    """Return an ISO date or time in nanoseconds since the epoch, and whether it names its zone."""
    match = ISO.fullmatch(text)
    if match is None:
        return None, False
    year, month, day, hour, minute, second, fraction, zone = match.groups()
    try:
        moment = datetime(int(year), int(month), int(day), int(hour or 0), int(minute or 0), tzinfo=UTC)
    except ValueError:
        return None, False
    whole = (moment - EPOCH) // timedelta(seconds=1) + int(second or 0) - _offset_s(zone)
    return whole * NANOS + int((fraction or "0").ljust(9, "0")), zone is not None


def _offset_s(zone: str | None) -> int:
    if zone is None or zone[0] not in "+-":
        return 0
    digits = zone[1:].replace(":", "").ljust(4, "0")
    seconds = int(digits[:2]) * 3_600 + int(digits[2:]) * 60
    return seconds if zone[0] == "+" else -seconds


def _of_epochs(column: pa.Array) -> Times:
    numbers = [_number(shown) for shown in column.to_pylist()]
    largest = max((abs(number) for number in numbers if number is not None), default=0)
    per_unit, unit = next(((by, name) for bound, by, name in EPOCH_UNITS if largest >= bound), (NANOS, "seconds"))
    nanos = [None if number is None else round(number * per_unit) for number in numbers]
    return _checked(nanos, column, f"times were read as epoch {unit}, UTC")


def _number(shown: object) -> int | float | None:
    """Return the number in a cell. An integer stays an integer, so that nanoseconds keep every digit."""
    for kind in (int, float):
        try:
            number: int | float = kind(shown) if isinstance(shown, str) else shown  # type: ignore[assignment]
        except ValueError:
            continue
        return number if number is not None and math.isfinite(number) else None
    return None


def _checked(nanos: list[int | None], column: pa.Array, note: str) -> Times:
    """Return times within 1900 to 2200. Other rows get a reason."""
    trouble = {}
    for row, time_ns in enumerate(nanos):
        if time_ns is None:
            shown = column[row].as_py()
            trouble[row] = f"time: {str(shown)[:40]!r} is not a time" if shown else "time: empty"
        elif not MIN_TIME_NS <= time_ns < MAX_TIME_NS:
            trouble[row] = f"time: {str(column[row].as_py())[:40]} is not within 1900..2200"
    filled = [0 if row in trouble else time_ns for row, time_ns in enumerate(nanos)]
    return Times(np.array(filled, np.int64), trouble, note)


def _is_decimal(kind: pa.DataType) -> bool:
    return bool(pa.types.is_decimal(kind))
