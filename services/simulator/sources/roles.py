"""Which column of a file is what."""

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
"""Role → names by which it is recognised, the surest first."""
CALENDAR: Final = frozenset({"year", "month", "day", "hour", "minute", "second"})
"""Parts of the time beside a time column; they are no readings."""


@dataclass(frozen=True, slots=True)
class Roles:
    """What each column is.

    Attributes:
        time: Its name.
        source: Its name; empty where the file's own name is the source of everything.
        kind: Its name in a long file; empty in a wide one.
        values: The column of values in a long file; in a wide one a column for each kind.
        left_out: Columns that are none of these.
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
    """Tell by what was said, then by the names, then by what the columns hold.

    Args:
        table: The file.
        columns: For example "time=ts,source=host,kind=metric,value=v"; may be empty, or name some roles only.
        path: For messages.

    Raises:
        SourceFault: A named column is not there, or no column can be the time or a value.
    """
    said = _said(columns, table, path)
    time = said.get("time") or _by_name("time", table) or _by_content(table)
    if not time:
        raise SourceFault("NO_TIME_COLUMN", f"{path}: no column looks like a time; {_advice(table)}")
    taken = {time}
    source = said.get("source") or _by_name("source", table, but=taken)
    kind = said.get("kind") or _by_name("kind", table, but=taken | {source})
    value = said.get("value") or _by_name("value", table, but=taken | {source, kind})
    if value and (kind or "value" in said):
        return _roles(table, time, source, kind=kind, values=(value,))
    values = tuple(name for name in table.columns if name not in {time, source} and _is_reading(name, table))
    if not values:
        raise SourceFault("NO_VALUE_COLUMN", f"{path}: no column holds numbers; {_advice(table)}")
    return _roles(table, time, source, kind="", values=values)


def _roles(table: Table, time: str, source: str, *, kind: str, values: tuple[str, ...]) -> Roles:
    used = {time, source, kind, *values}
    return Roles(time, source, kind, values, tuple(name for name in table.columns if name not in used))


def _said(columns: str, table: Table, path: str) -> dict[str, str]:
    """Role → column, as the caller says."""
    said: dict[str, str] = {}
    for part in filter(None, (part.strip() for part in columns.split(","))):
        role, equals, name = (word.strip() for word in part.partition("="))
        if not equals or role not in NAMES:
            raise SourceFault("BAD_COLUMNS", f'columns: "{part}" is not one of {", ".join(f"{r}=…" for r in NAMES)}')
        if name not in table.columns:
            raise SourceFault("BAD_COLUMNS", f'{path}: no column "{name}"; it has: {_shown(list(table.columns))}')
        said[role] = name
    return said


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
