"""Reads what the caller says about the columns of a file. Pure."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from services.simulator.source import SourceFault
from services.simulator.tables.table import Table, listed, shown

ROLES: Final = ("time", "source", "kind", "value")
CHOICES: Final = {"unit": ("s", "ms", "us", "ns", "date", "excel"), "decimal": ("point", "comma")}
"""Option → its values: the unit of times that are numbers, the mark before the decimals of numbers."""
ABSENT_ALLOWED: Final = frozenset({"source", "kind"})
PART: Final = re.compile(r'(?:[^,"]|"[^"]*"?)+')
JOINT: Final = "+"
Names = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Options:
    """What the caller says.

    Attributes:
        time: Columns of the time, such as a date and a time of day; None where the caller does not say.
        source: Columns whose texts make the source; none of them where the file's name is the source.
        kind: Columns whose texts make the kind; none of them where each column of values is a kind.
        value: Columns of values.
        unit: Unit of times that are numbers, a key of `CHOICES`; empty recognises it.
        decimal: Mark before the decimals, a key of `CHOICES`; empty recognises it.
    """

    time: Names | None = None
    source: Names | None = None
    kind: Names | None = None
    value: Names | None = None
    unit: str = ""
    decimal: str = ""


def options_of(text: str, table: Table, path: Path) -> Options:
    """Return the options in a text such as `time=date+hour,source=host,"value=load {a=1,b=2}"`.

    Raises:
        SourceFault: The text names no role, or a column that the file does not have.
    """
    given: dict[str, str] = {}
    for part in filter(None, (part.strip().strip('"') for part in PART.findall(text))):
        role, equals, name = (word.strip().strip('"') for word in part.partition("="))
        if not equals or role not in (*ROLES, *CHOICES):
            known = ", ".join(f"{role}=…" for role in (*ROLES, *CHOICES))
            raise SourceFault("BAD_COLUMNS", f'columns: "{part}" is not one of {known}')
        if role in given:
            raise SourceFault("BAD_COLUMNS", f'columns: "{role}" is given twice; columns are joined by {JOINT}')
        given[role] = name
    for role, choices in CHOICES.items():
        if role in given and given[role] not in choices:
            raise SourceFault("BAD_COLUMNS", f"columns: {role}={given[role]} is not one of {', '.join(choices)}")
    columns = {role: _columns(role, given[role], table, path) if role in given else None for role in ROLES}
    return Options(**columns, unit=given.get("unit", ""), decimal=given.get("decimal", ""))


def _columns(role: str, name: str, table: Table, path: Path) -> Names:
    """Return the columns that a name stands for. Raises SourceFault for a column that is not there."""
    if not name and role in ABSENT_ALLOWED:
        return ()
    known = set(table.names)
    parts = (name,) if name in known else tuple(part.strip() for part in name.split(JOINT))
    missing = next((part for part in parts if part not in known), None)
    if missing is not None:
        raise SourceFault("BAD_COLUMNS", f'{path}: no column "{shown(missing)}"; it has: {listed(table.names)}')
    unusable = next((part for part in parts if part in table.unusable), None)
    if unusable is not None:
        raise fault_of_type(path, role, unusable, table.unusable[unusable])
    return parts


def fault_of_type(path: Path, role: str, name: str, kind: str) -> SourceFault:
    """Return the fault of a column whose type has no use in its role."""
    message = f'{path}: the column "{shown(name)}" is of type {kind}, which is no {role}'
    none = f', or none: columns="{role}="' if role in ABSENT_ALLOWED else ""
    return SourceFault("UNUSABLE_COLUMN", f"{message}\n{spelled(**{role: '…'})}{none}")


def spelled(**roles: str | Sequence[str]) -> str:
    """Return the advice that says the roles of columns.

    >>> spelled(time=("date", "hour"), value="v")
    'say which: columns="time=date+hour,value=v"'
    """
    parts = [f"{role}={name if isinstance(name, str) else JOINT.join(name)}" for role, name in roles.items()]
    if any("," in part for part in parts):
        return "say which: columns='" + ",".join(f'"{part}"' if "," in part else part for part in parts) + "'"
    return f'say which: columns="{",".join(parts)}"'
