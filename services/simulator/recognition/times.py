"""Reads columns as exact times in nanoseconds, or says why not."""

import re
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from services.contracts.limits import MAX_TIME_NS, MIN_TIME_NS, NANOS
from services.simulator.recognition import epochs
from services.simulator.recognition.forms import ANY
from services.simulator.recognition.samples import cleaned, is_number, mostly, numbers_in, sample_of
from services.simulator.source import SourceFault
from services.simulator.tables.cells import brief
from services.simulator.tables.limits import Budget
from services.simulator.tables.table import shown

ISO: Final = re.compile(
    r"(\d{4})([-/])(\d{1,2})\2(\d{1,2})"
    r"(?:[T\s,]\s*(\d{1,2}):(\d\d)(?::(\d\d)(?:[.,](\d{1,9}))?)?)?"
    r"(?:\s?(Z|z|UTC|GMT|[+-]\d\d(?::?\d\d)?))?"
)
BASIC: Final = re.compile(
    r"(\d{4})()(\d\d)(\d\d)[T\s](\d\d):?(\d\d)(?::?(\d\d)(?:[.,](\d{1,9}))?)?"
    r"(?:\s?(Z|z|UTC|GMT|[+-]\d\d(?::?\d\d)?))?"
)
"""Dates without separators in front of a time of day."""
PLAIN: Final = r"^\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d{1,9})?Z?$"
"""The texts of most files, which Arrow reads twenty times as fast. A leap second is none for Arrow."""
LONGEST_TIME: Final = 64
BLOCK_ROWS: Final = 16_384
"""Values converted to Python objects at once. A Python string takes three times the memory."""
EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
LAST_SECOND, LAST_MINUTE, LAST_HOUR = 60, 59, 23
"""Bounds of a time of day and of a zone. Second 60 is a leap second."""
NAIVE: Final = "naive times were read as UTC"


class Times(NamedTuple):
    """A column of times.

    Attributes:
        nanos: Nanoseconds since the epoch, UTC, int64; 0 where a row has no time.
        usable: Whether a row has a time.
        why: Returns why a row has none.
        note: A fact that a reader should know, or empty.
    """

    nanos: NDArray[np.int64]
    usable: NDArray[np.bool_]
    why: Callable[[int], str]
    note: str


def times_of(column: pa.Array, name: str, unit: str, *, path: Path, budget: Budget) -> Times:
    """Return the times of a column. Naive times are read as UTC.

    Args:
        column: Times, dates, texts, or numbers.
        name: Name of the column, for messages.
        unit: Unit of numbers, as in `epochs.nanos_of`; empty recognises it.
        path: The file's path, for messages.
        budget: What reading may take.

    Raises:
        SourceFault: The numbers may be days of Excel or seconds, or reading takes too long.
    """
    if pa.types.is_date(column.type):
        column = pc.cast(column, pa.timestamp("s"))
    if pa.types.is_timestamp(column.type):
        return _of_timestamps(column, budget)
    if is_number(column) or mostly(sample_of(column), ANY):
        return _of_numbers(column, unit or _unit_of(column, name, path), budget)
    return _of_texts(column, budget)


def parse(content: object) -> tuple[int | None, bool]:
    """Return a date or time in nanoseconds since the epoch, and whether it names its zone; None where it is no time.

    >>> parse("1970-1-1 00:00:01.5+00:00")
    (1500000000, True)
    >>> parse("1970-01-01T00:00:99Z")
    (None, False)
    """
    text = str(content).strip() if content is not None else ""
    match = (ISO.fullmatch(text) or BASIC.fullmatch(text)) if len(text) <= LONGEST_TIME else None
    if match is None:
        return None, False
    year, _, month, day, hour, minute, second, fraction, zone = match.groups()
    offset_s = _offset_s(zone)
    if int(second or 0) > LAST_SECOND or offset_s is None:
        return None, False
    try:
        moment = datetime(int(year), int(month), int(day), int(hour or 0), int(minute or 0), tzinfo=UTC)
    except ValueError:
        return None, False
    whole = (moment - EPOCH) // timedelta(seconds=1) + int(second or 0) - offset_s
    return whole * NANOS + int((fraction or "0").ljust(9, "0")), zone is not None


def _offset_s(zone: str | None) -> int | None:
    """Return the seconds by which a zone is ahead of UTC; None for a zone that does not exist."""
    if zone is None or zone[0] not in "+-":
        return 0
    digits = zone[1:].replace(":", "").ljust(4, "0")
    hours, minutes = int(digits[:2]), int(digits[2:])
    if hours > LAST_HOUR or minutes > LAST_MINUTE:
        return None
    seconds = hours * 3_600 + minutes * 60
    return seconds if zone[0] == "+" else -seconds


def _unit_of(column: pa.Array, name: str, path: Path) -> str:
    """Return what the numbers of a column are. Raises SourceFault where that cannot be told."""
    numbers = numbers_in(sample_of(column))
    unit = epochs.unit_of(numbers)
    if unit == epochs.EXCEL:
        first = next(number for number in numbers if int(number) in epochs.EXCEL_DAYS)
        message = f"{path}: {shown(name)}: {first} is a day of Excel ({epochs.excel_moment(first)}) or a second of 1970"
        raise SourceFault("UNCLEAR_TIMES", f'{message}\nsay which: columns="unit=excel" or "unit=s"')
    return unit


def _blocks(column: pa.Array, budget: Budget) -> Iterator[tuple[int, pa.Array]]:
    """Yield parts of a column, each with the number of its first row."""
    for begin in range(0, len(column), BLOCK_ROWS):
        budget.check_time()
        yield begin, column.slice(begin, BLOCK_ROWS)


def _of_timestamps(column: pa.Array, budget: Budget) -> Times:
    per_unit = {"s": NANOS, "ms": 10**6, "us": 1_000, "ns": 1}[column.type.unit]
    times = _Collected(column)
    for begin, block in _blocks(pc.cast(column, pa.int64()), budget):
        for row, moment in enumerate(block.to_pylist(), begin):
            times.put(row, None if moment is None else moment * per_unit)
    return times.times("" if column.type.tz else NAIVE)


def _of_texts(column: pa.Array, budget: Budget) -> Times:
    times, naive = _Collected(column), 0
    for begin, block in _blocks(column, budget):
        plain = _plain_nanos(block)
        if plain is not None:
            times.put_all(begin, plain)
            naive += len(block) - (pc.sum(pc.ends_with(cleaned(block), "Z")).as_py() or 0)
            continue
        for row, content in enumerate(block.to_pylist(), begin):
            nanos, is_zoned = parse(content)
            times.put(row, nanos)
            naive += nanos is not None and not is_zoned
    return times.times(f"{naive:,} {NAIVE}" if naive else "")


def _plain_nanos(block: pa.Array) -> NDArray[np.int64] | None:
    """Return the nanoseconds of texts that all have the usual form; None where one has not."""
    text = cleaned(block)
    if block.null_count or not pc.all(pc.match_substring_regex(text, PLAIN)).as_py():
        return None
    try:
        moments = pc.cast(pc.utf8_rtrim(text, "Z"), pa.timestamp("ns"))
    except pa.ArrowInvalid:
        return None
    nanos: NDArray[np.int64] = pc.cast(moments, pa.int64()).to_numpy(zero_copy_only=False)
    return nanos


def _of_numbers(column: pa.Array, unit: str, budget: Budget) -> Times:
    times, units = _Collected(column), Counter[str]()
    is_clock = not unit and not epochs.are_small(numbers_in(sample_of(column)))
    for begin, block in _blocks(column, budget):
        for row, content in enumerate(block.to_pylist(), begin):
            number = epochs.number_of(content)
            if number is None or (is_clock and epochs.is_small(number)):
                times.put(row, None)
                continue
            units[unit or epochs.magnitude_of(number)] += 1
            times.put(row, epochs.nanos_of(number, unit))
    return times.times(epochs.note_of(units) if units else "")


class _Collected:
    """Collects the times of a column; a time that is not within 1900 to 2200 is none."""

    def __init__(self, column: pa.Array) -> None:
        self._column = column
        self._nanos = np.zeros(len(column), np.int64)
        self._usable = np.zeros(len(column), np.bool_)
        self._no_time = np.zeros(len(column), np.bool_)

    def put(self, row: int, nanos: int | None) -> None:
        """Keep the time of a row, None where it has none."""
        if nanos is None:
            self._no_time[row] = True
        elif MIN_TIME_NS <= nanos < MAX_TIME_NS:
            self._nanos[row], self._usable[row] = nanos, True

    def put_all(self, begin: int, nanos: NDArray[np.int64]) -> None:
        """Keep the times of rows from *begin* on."""
        rows = slice(begin, begin + len(nanos))
        self._usable[rows] = (nanos >= MIN_TIME_NS) & (nanos < MAX_TIME_NS)
        self._nanos[rows] = np.where(self._usable[rows], nanos, 0)

    def times(self, note: str) -> Times:
        """Return all times."""
        return Times(self._nanos, self._usable, self._why, note)

    def _why(self, row: int) -> str:
        content = self._column[row].as_py()
        if content is None or not str(content).strip():
            return "time: empty"
        shown_content = brief(content)
        if self._no_time[row]:
            return f"time: {shown_content!r} is not a time"
        return f"time: {shown_content} is not within 1900..2200"
