"""Reads a file as events: its columns as times, names and numbers."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from services.contracts.limits import MAX_KEYS_PER_RUN
from services.simulator.recognition import understood
from services.simulator.recognition.events import Events
from services.simulator.recognition.forms import Forms
from services.simulator.recognition.labels import Labels, labels_of, same_label
from services.simulator.recognition.moments import moments_of
from services.simulator.recognition.numbers import decimals_of, lost_by_rounding, values_of
from services.simulator.recognition.options import Options, options_of
from services.simulator.recognition.roles import Roles, roles_of
from services.simulator.recognition.series import check_series
from services.simulator.recognition.shapes import shape_of, without_headings
from services.simulator.recognition.times import Times, times_of
from services.simulator.source import SkippedRow, SourceFault
from services.simulator.tables import LONGEST_CAUSE, UNREADABLE, cause_of, read_table, stem_of
from services.simulator.tables.limits import Budget
from services.simulator.tables.table import Table, shown

NO_VALUE: Final = "value: empty"
TIMES: Final = "times are ISO 8601, such as 2026-11-20T10:00:00Z, or epoch numbers; zones are Z or +01:00"


class FileEvents(NamedTuple):
    """The events of a file.

    Attributes:
        events: In order of time.
        sources: Names of the sources.
        kinds: Names of the kinds.
        missing: Number of rows and values that gave no event.
        first_missing: The first hundred of them.
        notes: Facts that a reader of the result should know.
        description: What was understood of the file, in one line.
    """

    events: Events
    sources: Sequence[str]
    kinds: Sequence[str]
    missing: int
    first_missing: Sequence[SkippedRow]
    notes: Sequence[str]
    description: str


def read_events(path: Path, columns: str, budget: Budget) -> FileEvents:
    """Read a file and recognise its columns.

    Args:
        path: A CSV, JSON-lines or Parquet file.
        columns: What the caller says about the columns, as in `options_of`.
        budget: What reading may take.

    Raises:
        SourceFault: The file cannot be read, its columns cannot be told, or it holds no usable event.
    """
    table = read_table(path, budget)
    options = options_of(columns, table, path)
    with _column_at_fault(path, table, table.names):
        shape = shape_of(table)
        forms = Forms(without_headings(table, shape), budget)
        roles = roles_of(forms, shape, options, path)
    return _Reading(path, forms, options=options, roles=roles, budget=budget).file_events()


@contextmanager
def _column_at_fault(path: Path, table: Table, names: Sequence[str]) -> Iterator[None]:
    """Raise SourceFault with the columns and their types in place of an error of a conversion."""
    try:
        yield
    except UNREADABLE as error:
        types = ", ".join(f'"{shown(name)}" ({table.columns[name].type})' for name in names if name in table.columns)
        message = f"{path}: cannot read {types[:LONGEST_CAUSE]}"
        raise SourceFault("UNREADABLE_COLUMN", f"{message}\n{cause_of(error)}") from error


class _Reading:
    """Reads the columns of one file."""

    def __init__(self, path: Path, forms: Forms, *, options: Options, roles: Roles, budget: Budget) -> None:
        self._path, self._forms, self._table = path, forms, forms.table
        self._options, self._roles, self._budget = options, roles, budget
        self._skipped = forms.table.skipped
        self._small: dict[str, int] = {}

    def file_events(self) -> FileEvents:
        """Return the events."""
        table, roles, path = self._table, self._roles, self._path
        with _column_at_fault(path, table, roles.time):
            moments = moments_of(self._forms, roles.time)
            name = "+".join(roles.time)
            times = times_of(moments, name, self._options.unit, path=path, budget=self._budget)
        sources = self._labels(roles.source, "source") if roles.source else same_label(stem_of(path), len(table))
        kinds = self._labels(roles.kind, "kind") if roles.is_long else None
        usable = self._without(np.ones(len(table), np.bool_), times)
        usable = self._without(usable, kinds) if kinds else usable
        usable = self._without(usable, sources)
        row, column, value = self._values(usable)
        self._budget.check_time()
        order = np.argsort(times.nanos[row], kind="stable")
        row, column, value = row[order], column[order], value[order]
        events = Events(times.nanos[row], sources.number[row], kinds.number[row] if kinds else column, value, row)
        self._check(events, kinds.names if kinds else roles.values)
        facts = understood.Facts(path.name, table, roles, times.note, self._skipped, self._small)
        return FileEvents(
            events,
            sources.names,
            kinds.names if kinds else roles.values,
            self._skipped.count,
            self._skipped.first,
            understood.notes(facts),
            understood.description(facts),
        )

    def _labels(self, columns: Sequence[str], role: str) -> Labels:
        with _column_at_fault(self._path, self._table, columns):
            return labels_of(self._table, columns, role)

    def _without(self, usable: NDArray[np.bool_], column: Labels | Times) -> NDArray[np.bool_]:
        """Return the rows that stay usable, and count the others as missing."""
        self._skipped.add_all(np.flatnonzero(usable & ~column.usable), self._table.lines, column.why)
        return usable & column.usable

    def _values(self, usable: NDArray[np.bool_]) -> tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.float64]]:
        """Return row, number of the column and value of every value, by rows."""
        table, roles = self._table, self._roles
        with _column_at_fault(self._path, table, roles.values):
            commas = decimals_of(table, roles.values, self._options.decimal, self._path)
        self._budget.check_values(len(table) * len(roles.values))
        matrix = np.empty((len(table), len(roles.values)))
        has_cell = np.zeros(len(table), np.bool_)
        for number, name in enumerate(roles.values):
            self._budget.check_time()
            with _column_at_fault(self._path, table, (name,)):
                values = values_of(table.columns[name], name, commas=commas[name])
                missing = usable & np.isnan(values.value) & ~self._absent(name)
                self._skipped.add_all(np.flatnonzero(missing), table.lines, values.why)
            has_cell |= missing
            matrix[:, number] = np.where(usable, values.value, np.nan)
            if small := lost_by_rounding(matrix[:, number]):
                self._small[name] = small
        has_cell |= ~np.isnan(matrix).all(axis=1)
        self._skipped.add_all(np.flatnonzero(usable & ~has_cell), table.lines, lambda _: NO_VALUE)
        row, column = np.nonzero(~np.isnan(matrix))
        return row.astype(np.int32), column.astype(np.int32), matrix[row, column]

    def _absent(self, name: str) -> NDArray[np.bool_]:
        """Return whether a row does not have a column."""
        column = self._table.columns[name]
        absent: NDArray[np.bool_] = column.is_null().to_numpy(zero_copy_only=False)
        return absent & self._table.is_sparse

    def _check(self, events: Events, kinds: Sequence[str]) -> None:
        """Raise SourceFault for a file without events, with too many series, or with series that would be merged."""
        if not len(events):
            first = self._skipped.first[0]
            message = f"{self._path}: none of its {len(self._table):,} rows holds a time with a value"
            reason = f"the first: line {first.line:,}: {first.reason}"
            advice = f"\n{TIMES}" if first.reason.startswith("time:") else ""
            raise SourceFault("NO_USABLE_ROWS", f"{message}; {reason}{advice}")
        pairs = len(np.unique(events.source.astype(np.int64) * len(kinds) + events.kind))
        if pairs > MAX_KEYS_PER_RUN:
            message = f"{self._path}: {pairs:,} (source, kind) pairs, limit {MAX_KEYS_PER_RUN:,} a run"
            raise SourceFault("TOO_MANY_DATA_KEYS", f"{message}; choose other columns: columns=…")
        self._budget.check_time()
        with _column_at_fault(self._path, self._table, self._roles.left_out):
            check_series(self._forms, self._roles, events, self._path)
