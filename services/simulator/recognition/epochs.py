"""Reads numbers as times: epoch numbers by their magnitude, dates without separators, days of Excel. Pure."""

import re
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Context, Decimal
from typing import Final

from services.contracts.limits import MAX_TIME_NS, NANOS
from services.simulator.tables.table import counted

NUMBER: Final = re.compile(r"[-+]?(\d+[.,]?\d*|[.,]\d+)([eE][-+]?\d{1,3})?")
LONGEST_NUMBER: Final = 40
UNITS: Final = {"s": NANOS, "ms": 10**6, "us": 1_000, "ns": 1}
NAMES: Final = {"s": "seconds", "ms": "milliseconds", "us": "microseconds", "ns": "nanoseconds"}
MAGNITUDES: Final = ((10**17, "ns"), (10**14, "us"), (10**11, "ms"))
"""(least magnitude, unit) of epoch numbers. Smaller numbers are seconds (until the year 5138)."""
DATE, EXCEL = "date", "excel"
DATE_DIGITS: Final = (8, 10, 12, 14)
"""Digits of a date without separators: YYYYMMDD, then hour, minute, second."""
PARTS_OF_DATE: Final = 5
"""Month, day, hour, minute, second."""
CALENDAR_YEARS: Final = range(1900, 2200)
EXCEL_DAYS: Final = range(20_000, 80_000)
"""Days of Excel from 1954 to 2119. As seconds they all lie in the first day of 1970."""
EXCEL_EPOCH: Final = Decimal(25_569)
"""The day of Excel that is 1970-01-01."""
LEAST_CLOCK: Final = 10**8
DAY_MS: Final = 86_400_000
EXACT: Final = Context(prec=64)
EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
MOSTLY: Final = 0.5
BEYOND: Final = MAX_TIME_NS
"""Stands for a time that is out of range, however far."""


def number_of(content: object) -> Decimal | None:
    """Return the number in a cell with all its digits; None for a cell without a finite number.

    >>> number_of("1763632800,123456789")
    Decimal('1763632800.123456789')
    """
    text = str(content).strip() if content is not None and not isinstance(content, bool) else ""
    if len(text) > LONGEST_NUMBER or not NUMBER.fullmatch(text):
        return None
    return Decimal(text.replace(",", "."))


def unit_of(numbers: Sequence[Decimal]) -> str:
    """Return what most numbers of a sample are: `date`, `excel`, or empty for epoch numbers."""
    most = MOSTLY * len(numbers)
    if sum(_date_ns(number) is not None for number in numbers) > most:
        return DATE
    return EXCEL if sum(int(number) in EXCEL_DAYS for number in numbers) > most else ""


def are_days(numbers: Sequence[Decimal]) -> bool:
    """Return whether the numbers of a sample are dates without a time of day."""
    return unit_of(numbers) == DATE and all(len(_digits(number)) <= min(DATE_DIGITS) for number in numbers)


def are_small(numbers: Sequence[Decimal]) -> bool:
    """Return whether the numbers of a sample count from another moment than 1970, such as the start of a test."""
    return sum(map(is_small, numbers)) >= MOSTLY * len(numbers)


def nanos_of(number: Decimal, unit: str) -> int | None:
    """Return a number in nanoseconds since the epoch; None for a number that is no date where dates are expected.

    Args:
        number: The number.
        unit: A unit of `UNITS`, `date`, `excel`, or empty where the magnitude of the number tells the unit.
    """
    if unit == DATE:
        return _date_ns(number)
    if number.adjusted() > len(str(BEYOND)):
        return BEYOND
    if unit == EXCEL:
        millis = EXACT.multiply(EXACT.subtract(number, EXCEL_EPOCH), Decimal(DAY_MS))
        return _rounded(millis) * UNITS["ms"]
    return _rounded(EXACT.multiply(number, Decimal(UNITS[unit or magnitude_of(number)])))


def _rounded(number: Decimal) -> int:
    return int(number.to_integral_value(context=EXACT))


def magnitude_of(number: Decimal) -> str:
    """Return the unit of an epoch number.

    >>> magnitude_of(Decimal(1763632800)), magnitude_of(Decimal(1763632800000))
    ('s', 'ms')
    """
    return next((unit for least, unit in MAGNITUDES if abs(number) >= least), "s")


def is_small(number: Decimal) -> bool:
    """Return whether a number is too small for seconds since 1970 of a clock: before 1973."""
    return abs(number) < LEAST_CLOCK


def note_of(units: Counter[str]) -> str:
    """Return the sentence about the units of the times: unit → rows."""
    if DATE in units:
        return "times were read as dates without separators (YYYYMMDD…), UTC"
    if EXCEL in units:
        return "times were read as days of Excel, UTC"
    if len(units) == 1:
        return f"times were read as epoch {NAMES[next(iter(units))]}, UTC"
    parts = ", ".join(f"{NAMES[unit]} in {counted(rows, 'row')}" for unit, rows in units.most_common())
    return f"times were read as epoch numbers by their magnitude, UTC: {parts}"


def _date_ns(number: Decimal) -> int | None:
    """Return a date without separators in nanoseconds; None for a number that is no such date."""
    digits = _digits(number)
    if len(digits) not in DATE_DIGITS or int(digits[:4]) not in CALENDAR_YEARS:
        return None
    parts = [int(digits[begin : begin + 2]) for begin in range(4, len(digits), 2)]
    month, day, hour, minute, second = parts + [0] * (PARTS_OF_DATE - len(parts))
    try:
        moment = datetime(int(digits[:4]), month, day, hour, minute, second, tzinfo=UTC)
    except ValueError:
        return None
    return (moment - EPOCH) // timedelta(seconds=1) * NANOS


def _digits(number: Decimal) -> str:
    """Return the digits of a whole number that is not negative; empty for any other number."""
    if number.adjusted() >= max(DATE_DIGITS) or number != number.to_integral_value():
        return ""
    return str(int(number)) if number >= 0 else ""


def excel_moment(number: Decimal) -> str:
    """Return the date that a day of Excel is, for messages."""
    nanos = nanos_of(number, EXCEL) or 0
    return f"{EPOCH + timedelta(microseconds=nanos // 1_000):%Y-%m-%d %H:%M}"
