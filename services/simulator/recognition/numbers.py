"""Reads columns as finite doubles, or says why not. Pure."""

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from services.contracts.limits import MAX_VALUE
from services.simulator.recognition.forms import GROUPED, POINT
from services.simulator.recognition.samples import EMPTY, cleaned, is_text
from services.simulator.source import SourceFault
from services.simulator.tables.cells import brief
from services.simulator.tables.table import Table, shown

COMMA: Final = r"^\s*[-+]?(\d+,\d*|,\d+)([eE][-+]?\d+)?\s*$"
THOUSANDS: Final = r"^\s*[-+]?[1-9]\d{0,2},\d{3}\s*$"
"""A number whose comma may stand before decimals or between thousands."""
GROUPS: Final = r"^\s*[-+]?\d{1,3}(\.\d{3})+\s*$"
WITH_POINT: Final = r"^\s*[-+]?\d*\.\d+([eE][-+]?\d+)?\s*$"
MICRO: Final = 1e6
LARGEST_LOSS: Final = 0.01


class Values(NamedTuple):
    """A column of values.

    Attributes:
        value: float64, NaN where a row has none.
        why: Returns why a row has none.
    """

    value: NDArray[np.float64]
    why: Callable[[int], str]


def decimals_of(table: Table, names: tuple[str, ...], decimal: str, path: Path) -> Mapping[str, bool]:
    """Return whether a column has decimal commas, for each of these columns.

    A comma that stands before three digits may separate thousands. Then another number of the file decides.

    Args:
        table: The file.
        names: The columns of values.
        decimal: What the caller says: point, comma, or empty.
        path: The file's path, for messages.

    Raises:
        SourceFault: No number decides, and the caller does not say.
    """
    if decimal or table.commas_split:
        return dict.fromkeys(names, decimal == "comma")
    kinds = {name: _comma_in(table.columns[name]) for name in names}
    doubtful = {"mixed"} if "decimal" in kinds.values() else {"mixed", "unclear"}
    if doubt := next((name for name, kind in kinds.items() if kind in doubtful), None):
        number = str(_matching(table.columns[doubt], COMMA)[0]).strip()
        message = f'{path}: {shown(doubt)}: the comma of "{number}" stands before decimals or between thousands'
        raise SourceFault("UNCLEAR_NUMBERS", f'{message}\nsay which: columns="decimal=comma" or "decimal=point"')
    return {name: kind != "none" for name, kind in kinds.items()}


def _comma_in(column: pa.Array) -> str:
    """Return what the commas in a column are: none, decimal, unclear, mixed with decimal points."""
    if not is_text(column):
        return "none"
    grouped, with_comma = _matching(column, GROUPED), _matching(column, COMMA)
    if not len(grouped) and not len(with_comma):
        return "none"
    with_point = _matching(column, WITH_POINT)
    if len(with_point) > (len(_matching(with_point, GROUPS)) if len(grouped) else 0):
        return "mixed"
    return "decimal" if len(grouped) or len(with_comma) > len(_matching(with_comma, THOUSANDS)) else "unclear"


def _matching(column: pa.Array, pattern: str) -> pa.Array:
    """Return the texts that match a pattern of RE2."""
    return column.filter(pc.fill_null(pc.match_substring_regex(column, pattern), False))  # noqa: FBT003


def values_of(column: pa.Array, name: str, *, commas: bool) -> Values:
    """Return the values of a column: finite, of magnitude at most 2^45.

    Args:
        column: Numbers, or texts.
        name: Name of the column, for reasons.
        commas: Whether numbers have a decimal comma.
    """
    if is_text(column):
        value = _numbers_in(cleaned(column), commas=commas)
    else:
        value = pc.cast(column, pa.float64(), safe=False)
    number = value.to_numpy(zero_copy_only=False).astype(np.float64)
    usable = np.isfinite(number) & (np.abs(number) <= MAX_VALUE)

    def why(row: int) -> str:
        return f"{shown(name)}: {_why(column[row].as_py(), float(number[row]))}"

    return Values(np.where(usable, number, np.nan), why)


def _numbers_in(text: pa.Array, *, commas: bool) -> pa.Array:
    if commas:
        is_grouped = pc.match_substring_regex(text, f"{GROUPED}|{GROUPS}")
        text = pc.if_else(is_grouped, pc.replace_substring(text, ".", ""), text)
        text = pc.replace_substring(text, ",", ".")
    good = pc.fill_null(pc.match_substring_regex(text, POINT), False)  # noqa: FBT003
    digits = pc.if_else(good, text, pa.scalar(None, pa.string()))
    return pc.cast(digits, pa.float64())


def _why(content: object, number: float) -> str:
    if content is None or re.match(EMPTY, str(content)):
        return "empty"
    if np.isnan(number):
        return f"{brief(content)!r} is not a number"
    return f"{brief(content)} is beyond 2^45" if np.isfinite(number) else f"{brief(content)} is not finite"


def lost_by_rounding(value: NDArray[np.float64]) -> int:
    """Return how many values differ by more than 1 % from the millionths in which sums are kept.

    >>> lost_by_rounding(np.array([3.2e-7, 0.0, 0.000001, 12.5]))
    1
    """
    with np.errstate(over="ignore"):
        kept = np.rint(value * MICRO) / MICRO
    return int(np.count_nonzero(np.abs(kept - value) > LARGEST_LOSS * np.abs(value)))
