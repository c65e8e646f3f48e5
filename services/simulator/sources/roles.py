"""Recognises the roles of a file's columns: time, source, kind, value. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import pyarrow as pa

from services.simulator.source import SourceFault
from services.simulator.sources.readings import looks_numeric, looks_temporal
from services.simulator.sources.tables import Table

NAMES: Final[Mapping[str, tuple[str, ...]]] = {
    "time": ("time", "timestamp", "ts", "@timestamp", "datetime", "date_time", "time_hour", "date", "at", "when"),
    "source": ("source", "host", "hostname", "device", "node", "station", "origin", "instance", "sensor", "site"),
    "kind": ("kind", "metric", "measurement", "variable", "name", "type", "field", "quantity"),
    "value": ("value", "v", "val", "reading"),
}
"""Role → names by which its column is recognised, the surest first."""
CALENDAR: Final = frozenset({"year", "month", "day", "hour", "minute", "second"})
"""Parts of the time beside a time column, which are not readings."""


@dataclass(frozen=True, slots=True)
class Roles:
    """Names of the columns by role.

    Attributes:
        time: The column of times.
        source: The column of sources; empty where the file's name is the source of all events.
        kind: The column of kinds in a long file; empty in a wide file.
        values: The column of values in a long file; a column for each kind in a wide file.
        left_out: Columns without a role.
    """

    time: str
    source: str
    kind: str
    values: tuple[str, ...]
    left_out: tuple[str, ...]

    @property
    def is_long(self) -> bool:
        """Whether a row is one event."""
        return bool(self.kind)


def roles_of(table: Table, columns: str, *, path: str) -> Roles:
    """Recognise columns by the caller's roles, then by their names, then by their contents.

    Args:
        table: The file.
        columns: The caller's roles, such as "time=ts,source=host,kind=metric,value=v"; all, some or none.
        path: The file's path, for messages.

    Raises:
        SourceFault: The file does not have a named column, or no column can be the time or a value.
    """
    given = _given_roles(columns, table, path)
    time = given.get("time") or _by_name("time", table) or _by_content(table)
    if not time:
        raise SourceFault("NO_TIME_COLUMN", f"{path}: no column looks like a time; {_advice(table)}")
    taken = {time}
    source = given.get("source") or _by_name("source", table, but=taken)
    kind = given.get("kind") or _by_name("kind", table, but=taken | {source})
    value = given.get("value") or _by_name("value", table, but=taken | {source, kind})
    if value and (kind or "value" in given):
        return _roles(table, time, source, kind=kind, values=(value,))
    values = tuple(name for name in table.columns if name not in {time, source} and _is_reading(name, table))
    if not values:
        raise SourceFault("NO_VALUE_COLUMN", f"{path}: no column holds numbers; {_advice(table)}")
    return _roles(table, time, source, kind="", values=values)


def _roles(table: Table, time: str, source: str, *, kind: str, values: tuple[str, ...]) -> Roles:
    used = {time, source, kind, *values}
    return Roles(time, source, kind, values, tuple(name for name in table.columns if name not in used))


def _given_roles(columns: str, table: Table, path: str) -> dict[str, str]:
    """Return the caller's roles: role → column."""
    given: dict[str, str] = {}
    for part in filter(None, (part.strip() for part in columns.split(","))):
        role, equals, name = (word.strip() for word in part.partition("="))
        if not equals or role not in NAMES:
            raise SourceFault("BAD_COLUMNS", f'columns: "{part}" is not one of {", ".join(f"{r}=…" for r in NAMES)}')
        if name not in table.columns:
            raise SourceFault("BAD_COLUMNS", f'{path}: no column "{name}"; it has: {_shown(list(table.columns))}')
        given[role] = name
    return given


def _by_name(role: str, table: Table, *, but: set[str] = frozenset()) -> str:  # type: ignore[assignment]
    known = {name.lower(): name for name in table.columns if name not in but}
    return next((known[name] for name in NAMES[role] if name in known), "")


def _by_content(table: Table) -> str:
    return next((name for name, column in table.columns.items() if looks_temporal(column)), "")


def _is_reading(name: str, table: Table) -> bool:
    column = table.columns[name]
    return name.lower() not in CALENDAR and not pa.types.is_temporal(column.type) and looks_numeric(column)


def _advice(table: Table) -> str:
    return f'it has: {_shown(list(table.columns))}; say which: columns="time=…,value=…"'


def _shown(names: Sequence[str]) -> str:
    return ", ".join(names[:12]) + (", …" if len(names) > 12 else "")
