"""Joins the columns that make the time of a row."""

from collections.abc import Sequence
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc

from services.simulator.recognition.forms import Forms
from services.simulator.recognition.samples import cleaned

WHOLE: Final = r"^\d{1,2}(\.0*)?$"
"""An hour, a minute, a month. Tables with gaps hold them as decimals."""
YEARS: Final = r"^(19|2[01])\d\d(\.0*)?$"
DECIMALS: Final = r"\.0*$"
UNSEPARATED: Final = r"^(\d{4})(\d\d)(\d\d)$"
MIDNIGHT: Final = r"[T\s].*$"


def moments_of(forms: Forms, names: Sequence[str]) -> pa.Array:
    """Return the time of each row as a column; several columns are joined to texts such as `2026-11-20 7:30`.

    Args:
        forms: The forms of the file's columns.
        names: A column of times; or a date, or year, month and day, and then a time of day, or hour, minute and second.
    """
    columns = forms.table.columns
    first, *others = names
    if not others:
        return columns[first]
    date, clock = _day_text(columns[first]), others
    if forms.holds(first, YEARS):
        month_and_day, clock = others[:2], others[2:]
        date = pc.binary_join_element_wise(*(_part(columns[name]) for name in (first, *month_and_day)), "-")
    if not clock:
        return date
    parts = [_part(columns[name]) for name in clock]
    minutes = [pc.utf8_lpad(part, 2, "0") for part in parts[1:]]
    if not minutes and forms.holds(clock[0], WHOLE):
        minutes = [pa.scalar("00")]
    time = pc.binary_join_element_wise(parts[0], *minutes, ":") if minutes else parts[0]
    return pc.binary_join_element_wise(date, time, " ")


def _part(column: pa.Array) -> pa.Array:
    """Return a part of a time as text, without decimals; null where the part is empty."""
    text = pc.replace_substring_regex(cleaned(column.cast(pa.string())), DECIMALS, "")
    return pc.if_else(pc.equal(text, ""), pa.scalar(None, pa.string()), text)


def _day_text(column: pa.Array) -> pa.Array:
    """Return dates with separators, without the midnight behind them."""
    if pa.types.is_timestamp(column.type):
        return pc.strftime(column, "%Y-%m-%d")
    text = pc.replace_substring_regex(_part(column), MIDNIGHT, "")
    return pc.replace_substring_regex(text, UNSEPARATED, r"\1-\2-\3")
