"""Tells what the columns of a file hold: moments, dates, times of day, numbers."""

from enum import Enum, auto
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc

from services.simulator.recognition import epochs
from services.simulator.recognition.samples import is_number, is_text, mostly, numbers_in, sample_of
from services.simulator.tables.limits import Budget
from services.simulator.tables.table import Table

POINT: Final = r"^\s*[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?\s*$"
ANY: Final = r"^\s*[-+]?(\d+[.,]?\d*|[.,]\d+)([eE][-+]?\d+)?\s*$"
GROUPED: Final = r"^\s*[-+]?\d{1,3}(\.\d{3})+,\d+\s*$"
"""A number with points between thousands and a decimal comma."""
INFINITE: Final = r"^\s*[-+]?(?i:inf|infinity)\s*$"
"""Stands among numbers, but is no value."""
MOMENT: Final = r"^(\d{4}[-/]\d{1,2}[-/]\d{1,2}[T\s,]\s*\d{1,2}:\d\d|\d{8}[T\s]\d\d:?\d\d)"
DAY: Final = r"^\d{4}[-/]\d{1,2}[-/]\d{1,2}([T\s]0?0:00(:00([.,]0+)?)?Z?)?$"
"""A date, also one that a program wrote with midnight behind it."""
CLOCK: Final = r"^\d{1,2}:\d\d(:\d\d([.,]\d{1,9})?)?$"


class Form(Enum):
    """What most values of a column are."""

    MOMENT = auto()
    """Texts or times: a date with a time of day."""
    DAY = auto()
    """Texts or dates: a date without a time of day."""
    CLOCK = auto()
    """Texts or times: a time of day without a date."""
    MOMENT_NUMBER = auto()
    """Numbers that can be moments: epoch numbers of a clock, dates with an hour."""
    DAY_NUMBER = auto()
    """Numbers that are dates: YYYYMMDD."""
    NUMBER = auto()
    """Other numbers."""
    OTHER = auto()
    """Anything else."""


TIMES: Final = frozenset({Form.MOMENT, Form.DAY, Form.CLOCK})
"""Forms of columns that hold times and nothing else."""


class Forms:
    """The forms of the columns of a table, each found out once.

    Args:
        table: The file.
        budget: What reading may take.
    """

    def __init__(self, table: Table, budget: Budget) -> None:
        self.table, self._budget = table, budget
        self._numbers = f"{POINT}|{INFINITE}" if table.commas_split else f"{ANY}|{GROUPED}|{INFINITE}"
        self._numeric: dict[str, bool] = {}
        self._forms: dict[str, Form] = {}

    def is_numeric(self, name: str) -> bool:
        """Return whether a column holds mostly numbers."""
        if name not in self._numeric:
            self._budget.check_time()
            column = self.table.columns[name]
            self._numeric[name] = is_number(column) or (is_text(column) and mostly(sample_of(column), self._numbers))
        return self._numeric[name]

    def of(self, name: str) -> Form:
        """Return the form of a column."""
        if name not in self._forms:
            self._forms[name] = self._form(name)
        return self._forms[name]

    def holds(self, name: str, pattern: str) -> bool:
        """Return whether most values of a column are texts or numbers that match a pattern of RE2."""
        column = self.table.columns.get(name)
        if column is None or not (is_text(column) or is_number(column)):
            return False
        return mostly(sample_of(column).cast(pa.string()), pattern)

    def times_but(self, names: frozenset[str]) -> list[str]:
        """Return the other columns that hold times and nothing else."""
        others = (name for name in self.table.columns if name not in names and not self.is_numeric(name))
        return [name for name in others if self.of(name) in TIMES]

    def _form(self, name: str) -> Form:
        column = self.table.columns[name]
        if pa.types.is_temporal(column.type):
            return _form_of_times(sample_of(column))
        if self.is_numeric(name):
            return _form_of_numbers(sample_of(column))
        return _form_of_texts(sample_of(column)) if is_text(column) else Form.OTHER


def _form_of_times(sample: pa.Array) -> Form:
    if pa.types.is_time(sample.type):
        return Form.CLOCK
    if pa.types.is_date(sample.type):
        return Form.DAY
    is_midnight = pc.all(pc.equal(pc.floor_temporal(sample, unit="day"), sample))
    return Form.DAY if is_midnight.as_py() else Form.MOMENT


def _form_of_numbers(sample: pa.Array) -> Form:
    numbers = numbers_in(sample)
    if epochs.are_days(numbers):
        return Form.DAY_NUMBER
    return Form.NUMBER if epochs.are_small(numbers) else Form.MOMENT_NUMBER


def _form_of_texts(sample: pa.Array) -> Form:
    if mostly(sample, f"({MOMENT})|({DAY})"):
        are_days = pc.all(pc.match_substring_regex(sample, DAY)).as_py()
        return Form.DAY if are_days or not mostly(sample, MOMENT) else Form.MOMENT
    return Form.CLOCK if mostly(sample, CLOCK) else Form.OTHER
