"""Recognises the columns that make the time of a row."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from services.simulator.recognition.forms import Form, Forms
from services.simulator.recognition.moments import WHOLE, YEARS
from services.simulator.recognition.options import Names, fault_of_type, spelled
from services.simulator.source import SourceFault
from services.simulator.tables.table import listed, shown

TIME_NAMES: Final = (
    *("time", "timestamp", "ts", "@timestamp", "datetime", "date_time", "date/time", "time_hour", "date", "at", "when"),
    *("epoch", "unixtime", "unix_time", "unix_timestamp", "epoch_ms", "timestamp_ms", "time_ms", "tst"),
)
"""Names by which a column of times is recognised, the surest first."""
CLOCK_NAMES: Final = ("time", "clock")
PARTS: Final[Mapping[str, Names]] = {
    "year": ("year", "yr", "yyyy"),
    "month": ("month", "mon", "mnth"),
    "day": ("day", "dd", "mday"),
    "hour": ("hour", "hr", "hh", "hours"),
    "minute": ("minute", "min", "minutes"),
    "second": ("second", "sec", "seconds"),
}
"""Part of a time → names of the column that holds it as a number."""
OF_DAY: Final = ("hour", "minute", "second")
MOMENTS: Final = (Form.MOMENT, Form.MOMENT_NUMBER)
DAYS: Final = (Form.DAY, Form.DAY_NUMBER)


def find_time(forms: Forms, path: Path, *, but: frozenset[str]) -> Names:
    """Return the columns that make the time of a row: one, or a date and what stands beside it.

    A column with both date and time of day comes before a date alone, and a well-known name before any other.

    Args:
        forms: The forms of the file's columns.
        path: The file's path, for messages.
        but: Columns that have another meaning.

    Raises:
        SourceFault: No column can be the time, or several can.
    """
    return _Search(forms, path, but).columns()


class _Search:
    """Looks for the time, from the surest sign to the least sure."""

    def __init__(self, forms: Forms, path: Path, but: frozenset[str]) -> None:
        self._forms, self._path, self._but = forms, path, but
        self._lower = {name.lower(): name for name in reversed(forms.table.names) if name not in but}
        self._named = self._present(TIME_NAMES)
        self._usable = tuple(name for name in self._named if name in forms.table.columns)

    def columns(self) -> Names:
        """Return the columns. See `find_time`."""
        if moment := self._of_form(self._usable, MOMENTS):
            return moment
        named_day = self._of_form(self._usable, DAYS)
        day = named_day or self._only(Form.DAY)
        if day and (clock := self._clock_beside(day)):
            return (*day, *clock)
        return self._moment_by_contents(named_day) or day or self._calendar() or self._by_name()

    def _present(self, names: Sequence[str]) -> Names:
        return tuple(self._lower[name] for name in names if name in self._lower)

    def _of_form(self, names: Names, forms: Sequence[Form]) -> Names:
        """Return the first column that has one of the forms."""
        return tuple(name for name in names if self._forms.of(name) in forms)[:1]

    def _by_contents(self, form: Form) -> Names:
        """Return the columns that hold times of this form and nothing else."""
        return tuple(name for name in self._forms.times_but(self._but) if self._forms.of(name) is form)

    def _only(self, form: Form) -> Names:
        names = self._by_contents(form)
        return names if len(names) == 1 else ()

    def _clock_beside(self, day: Names) -> Names:
        """Return the columns that hold the time of day beside a date: a time of day, or an hour with its parts."""
        usable = tuple(name for name in self._present(CLOCK_NAMES) if name in self._forms.table.columns)
        clock = self._of_form(usable, (Form.CLOCK,)) or self._only(Form.CLOCK)
        return clock if clock != day and clock else self._parts(OF_DAY, WHOLE)

    def _parts(self, parts: Sequence[str], pattern: str) -> Names:
        """Return the columns of the first parts, up to a part that has no column of such numbers."""
        columns: list[str] = []
        for part in parts:
            name = next(iter(self._present(PARTS[part])), "")
            if not self._forms.holds(name, pattern):
                break
            columns.append(name)
        return tuple(columns)

    def _moment_by_contents(self, named_day: Names) -> Names:
        """Return the only column of moments. Raises SourceFault where another column can be the time as well."""
        moments = self._by_contents(Form.MOMENT)
        if moments and len(moments) + len(named_day) > 1:
            message = f"{self._path}: several columns hold times: {listed((*named_day, *moments))}"
            raise SourceFault("SEVERAL_TIME_COLUMNS", f"{message}\n{spelled(time=moments[0])}")
        return moments

    def _calendar(self) -> Names:
        """Return the columns of year, month and day, and of the parts of the time of day that follow."""
        year, day = self._parts(("year",), YEARS), self._parts(("month", "day"), WHOLE)
        return (*year, *day, *self._parts(OF_DAY, WHOLE)) if year and len(day) > 1 else ()

    def _by_name(self) -> Names:
        """Return a column for its name alone: its values count from a moment that is not told, or are no times."""
        if not self._named:
            message = f"{self._path}: no column looks like a time; it has: {listed(self._forms.table.names)}"
            raise SourceFault("NO_TIME_COLUMN", f"{message}\n{spelled(time='…', value='…')}")
        if not self._usable:
            raise fault_of_type(self._path, "time", self._named[0], self._forms.table.unusable[self._named[0]])
        name = self._usable[0]
        if self._forms.of(name) is Form.CLOCK:
            message = f'{self._path}: the column "{shown(name)}" holds times of day, and no column holds the dates'
            raise SourceFault("NO_DATE_COLUMN", f"{message}\n{spelled(time=('…', name))}")
        return (name,)
