"""Recognises the roles of a file's columns: time, source, kind, value."""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pyarrow.compute as pc

from services.contracts.limits import MAX_NAME_BYTES
from services.simulator.recognition.forms import TIMES, Form, Forms
from services.simulator.recognition.options import Names, Options, fault_of_type, spelled
from services.simulator.recognition.samples import is_number, is_text, sample_of
from services.simulator.recognition.shapes import EVERY_LABEL, Meaning, Shape
from services.simulator.recognition.time_columns import PARTS, find_time
from services.simulator.source import SourceFault
from services.simulator.tables.cells import brief
from services.simulator.tables.table import Table, listed, shown

NAMES: Final[Mapping[str, tuple[str, ...]]] = {
    "source": (
        *("source", "host", "hostname", "device", "node", "station", "origin", "instance", "sensor", "site"),
        *("host.name", "sensor_id", "device_id", "station_id", "node_id"),
    ),
    "kind": (
        *("kind", "metric", "measurement", "variable", "name", "type", "field", "quantity"),
        *("metric_name", "parameter"),
    ),
    "value": ("value", "v", "val", "reading"),
}
"""Role → names by which its column is recognised, the surest first."""
INDEX: Final = re.compile(r"Unnamed: \d+|__index_level_\d+__|level_\d+")
"""Names that pandas gives to columns without a name, and to row numbers."""


@dataclass(frozen=True, slots=True)
class Roles:
    """Names of the columns by role.

    Attributes:
        time: The column of times, or the columns that make a time together.
        source: The columns whose texts make the source; empty where the file's name is the source of all events.
        kind: The columns whose texts make the kind in a long file; empty in a wide file.
        values: The column of values in a long file; a column for each kind in a wide file.
        left_out: Columns without a role.
        shape: The program that writes such files; empty where the columns were recognised by name.
        is_told: Whether the caller or the shape decides what tells series apart.
    """

    time: Names
    source: Names
    kind: Names
    values: Names
    left_out: Names
    shape: str = ""
    is_told: bool = False

    @property
    def is_long(self) -> bool:
        """Whether a row is one event."""
        return bool(self.kind)


def roles_of(forms: Forms, shape: Shape | None, options: Options, path: Path) -> Roles:
    """Recognise columns by the caller's roles, then by the shape of the file, its names, its contents.

    Raises:
        SourceFault: No column can be the time or a value, several can be the time, a column cannot have the role that
            its name tells, or the name of a kind cannot be a name.
    """
    if not forms.table.has_header and (options.time is None or options.value is None):
        raise _fault_of_header(forms, path)
    roles = _Recognition(forms, shape, options, path).roles()
    if not roles.is_long:
        _check_kinds(forms.table, roles.values, path)
    return roles


class _Recognition:
    """Recognises one role after the other; a column has one role."""

    def __init__(self, forms: Forms, shape: Shape | None, options: Options, path: Path) -> None:
        self._forms, self._table, self._options, self._path = forms, forms.table, options, path
        self._shape, self._meaning = (shape.name, shape.meaning) if shape else ("", Meaning())
        self._lower = {name.lower(): name for name in reversed(forms.table.names)}

    def roles(self) -> Roles:
        """Return all roles."""
        options = self._options
        time = options.time or self._present(self._meaning.time)[:1]
        if not time:
            time = find_time(self._forms, self._path, but=self._given())
        source = self._source(time)
        kind, values = self._kind_and_values({*time, *source})
        if options.source is None:
            source += self._labels({*time, *source, *kind, *values})
        used = {*time, *source, *kind, *values}
        return Roles(
            time,
            source,
            kind,
            values,
            left_out=tuple(name for name in self._table.names if name not in used),
            shape=self._shape,
            is_told=bool(self._shape) or options.source is not None or options.kind is not None,
        )

    def _given(self) -> frozenset[str]:
        """Return the columns to which the caller gives a role."""
        options = self._options
        return frozenset(name for names in (options.source, options.kind, options.value) for name in names or ())

    def _present(self, names: Names) -> Names:
        """Return the columns that have these names, in their order."""
        return tuple(self._lower[name] for name in names if name in self._lower)

    def _by_name(self, role: str, but: Collection[str]) -> Names:
        """Return the column whose name tells a role, if there is one."""
        return tuple(name for name in self._present(NAMES[role]) if name not in but)[:1]

    def _usable(self, role: str, names: Names) -> Names:
        """Return the columns. Raises SourceFault for a type that has no use in the role."""
        for name in names:
            if name in self._table.unusable:
                raise fault_of_type(self._path, role, name, self._table.unusable[name])
        return names

    def _source(self, time: Names) -> Names:
        if self._options.source is not None:
            return self._options.source
        but = {*time, *self._given()}
        own = self._present((self._meaning.source,))
        return self._usable("source", own or self._by_name("source", but))

    def _kind_and_values(self, used: Collection[str]) -> tuple[Names, Names]:
        """Return the column of kinds with its column of values; without kinds each column of values is a kind."""
        options, meaning = self._options, self._meaning
        kind, value = options.kind, options.value
        if kind is None:
            kind = self._present((meaning.kind,)) if self._shape else self._by_name("kind", {*used, *(value or ())})
        if value is None:
            but = {*used, *kind}
            value = (self._present(meaning.value) if self._shape else self._by_name("value", but))[:1] if kind else ()
        if kind and len(value) == 1:
            return self._usable("kind", kind), self._usable("value", value)
        if value and not options.kind:
            return (), value
        readings = tuple(name for name in self._table.columns if name not in used and self._is_reading(name))
        if not options.kind and readings:
            return (), readings
        if options.kind and len(value or readings) == 1:
            return options.kind, value or readings
        raise self._fault_of_values(value or readings, {*used, *kind})

    def _is_reading(self, name: str) -> bool:
        """Return whether a column holds numbers that are neither part of the time, nor row numbers, nor labels."""
        lower = name.lower()
        if lower in PARTS or lower in self._meaning.ignored or lower in self._meaning.labels:
            return False
        if name in self._table.unnamed or INDEX.fullmatch(name):
            return False
        return self._forms.is_numeric(name)

    def _labels(self, used: Collection[str]) -> Names:
        """Return the columns that the shape of the file joins to the source, since their texts vary."""
        meaning, table = self._meaning, self._table
        names = self._present(meaning.labels)
        if meaning.labels == EVERY_LABEL:
            names = tuple(name for name in table.columns if name.lower() not in meaning.ignored)
        return tuple(
            name
            for name in names
            if name in table.columns and name not in used and name not in table.unnamed and self._varies(name)
        )

    def _varies(self, name: str) -> bool:
        column = self._table.columns[name]
        if is_text(column):
            column = column.filter(pc.not_equal(column, ""))
        return bool(pc.count_distinct(column).as_py() > 1) and self._forms.of(name) not in TIMES

    def _fault_of_values(self, values: Names, used: Collection[str]) -> SourceFault:
        """Return the fault of a file without values, or with several columns of values for one column of kinds."""
        if values:
            message = f"{self._path}: a row has several values: {listed(values)}"
            return SourceFault("SEVERAL_VALUE_COLUMNS", f'{message}\n{spelled(value=values[0])} or columns="kind="')
        others = [name for name in self._table.names if name not in used]
        reason = next((f"; {shown(name)}: {why}" for name in others if (why := _no_number(self._table, name))), "")
        message = f"{self._path}: no column holds numbers{reason}; it has: {listed(self._table.names)}"
        return SourceFault("NO_VALUE_COLUMN", f"{message}\n{spelled(time='…', value='…')}")


def _no_number(table: Table, name: str) -> str:
    """Return why a column holds no numbers; empty for a column without values."""
    if name in table.unusable:
        return f"type {table.unusable[name]}"
    if name in table.unnamed:
        return "the column has no name"
    column = table.columns[name]
    if not is_text(column):
        return "" if is_number(column) else f"type {column.type}"
    sample = sample_of(column)
    return f"{brief(sample[0])!r} is not a number" if len(sample) else ""


def _check_kinds(table: Table, names: Names, path: Path) -> None:
    """Raise SourceFault for a column whose name cannot be the name of a kind."""
    for name in names:
        size = len(name.encode())
        if size > MAX_NAME_BYTES or not name.isprintable():
            place = table.names.index(name) + 1
            what = f"{size:,} bytes, limit {MAX_NAME_BYTES}" if name.isprintable() else "characters that do not print"
            message = f"{path}: the name of column {place}, {shown(name)}, has {what}"
            raise SourceFault("BAD_COLUMN_NAME", f"{message}\nrename it, or {spelled(value='…')}")


def _fault_of_header(forms: Forms, path: Path) -> SourceFault:
    """Return the fault of a file whose first row holds values, with the roles that its columns may have."""
    columns = forms.table.columns
    time = next((name for name in columns if forms.of(name) in {Form.MOMENT, Form.MOMENT_NUMBER}), "…")
    numbers = [name for name in columns if name != time and forms.is_numeric(name)]
    first = listed(str(column[0]) for column in columns.values())
    message = f"{path}: the first row holds values, not the names of columns: {first}"
    return SourceFault("NO_HEADER", f"{message}\nadd a row of names, or {spelled(time=time, value=numbers or '…')}")
