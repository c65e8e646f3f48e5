"""Takes a sample of a column, by which its contents are recognised. Pure."""

from decimal import Decimal
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc

from services.simulator.recognition import epochs

EMPTY: Final = r"^\s*(|NA|N/A|NaN|nan|null|NULL|None|-)\s*$"
"""Texts that stand for no value."""
SAMPLED_ROWS: Final = 1_000
MOSTLY: Final = 0.5
"""Share of a sample that decides what a column holds."""
SPACES: Final = "[\u00a0\u202f\u2009]"
"""Spaces that do not break a line. Spreadsheets and web pages write them for ordinary ones."""


def is_text(column: pa.Array) -> bool:
    """Return whether a column holds text."""
    return bool(pa.types.is_string(column.type))


def is_number(column: pa.Array) -> bool:
    """Return whether a column is of a type of numbers."""
    kind = column.type
    return bool(pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind))


def cleaned(column: pa.Array) -> pa.Array:
    """Return texts with ordinary spaces, and without spaces at both ends."""
    if not pc.all(pc.string_is_ascii(column)).as_py():
        column = pc.replace_substring_regex(column, SPACES, " ")
    return pc.utf8_trim_whitespace(column)


def sample_of(column: pa.Array) -> pa.Array:
    """Return the first thousand values that are there; texts without spaces at both ends."""
    if not is_text(column):
        return column.drop_null().slice(0, SAMPLED_ROWS)
    begin = column.slice(0, SAMPLED_ROWS)
    held = _held(begin)
    return held if len(held) or len(begin) == len(column) else _held(column).slice(0, SAMPLED_ROWS)


def _held(column: pa.Array) -> pa.Array:
    is_empty = pc.fill_null(pc.match_substring_regex(column, EMPTY), True)  # noqa: FBT003
    return cleaned(column.filter(pc.invert(is_empty)))


def mostly(sample: pa.Array, pattern: str) -> bool:
    """Return whether most texts of a sample match a pattern of RE2; False for an empty sample.

    >>> mostly(pa.array(["1", "2", "x"]), "^[0-9]$"), mostly(pa.array([], pa.string()), "")
    (True, False)
    """
    matches = pc.sum(pc.match_substring_regex(sample, pattern)).as_py() or 0
    return bool(matches > MOSTLY * len(sample))


def numbers_in(sample: pa.Array) -> list[Decimal]:
    """Return the numbers of a sample with all their digits.

    >>> numbers_in(pa.array(["1.50", "x"]))
    [Decimal('1.50')]
    """
    numbers = (epochs.number_of(content) for content in sample.slice(0, SAMPLED_ROWS).to_pylist())
    return [number for number in numbers if number is not None]
