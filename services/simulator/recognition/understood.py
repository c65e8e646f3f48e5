"""Says what was understood of a file. Pure."""

from collections.abc import Mapping
from typing import Final, NamedTuple

from services.simulator.recognition.roles import Roles
from services.simulator.tables.skipped import SkippedRows
from services.simulator.tables.table import Table, counted, listed

JOINT: Final = "+"


class Facts(NamedTuple):
    """What is known of a file once it is read.

    Attributes:
        name: Name of the file.
        table: Its contents.
        roles: The roles of its columns.
        times: A fact about its times, or empty.
        skipped: What gave no event.
        small: Column → number of values that sums of millionths cannot hold.
    """

    name: str
    table: Table
    roles: Roles
    times: str
    skipped: SkippedRows
    small: Mapping[str, int]


def description(facts: Facts) -> str:
    """Return one line: file, rows, the columns by role, what is left out, what is missing."""
    program = f" of {facts.roles.shape}" if facts.roles.shape else ""
    parts = [f"{facts.name}: {counted(len(facts.table), 'row')}{program}", _roles(facts.roles)]
    if facts.roles.left_out:
        parts.append(_left_out(facts.roles))
    if facts.skipped.count:
        parts.append(_missing(facts.skipped))
    if facts.small:
        parts.append(_small(facts))
    return "; ".join(parts)


def notes(facts: Facts) -> list[str]:
    """Return the facts that a reader of the result should know, a sentence each."""
    roles, skipped = facts.roles, facts.skipped
    sentences = [f"{_roles(roles)}; {'a row is one event' if roles.is_long else 'a column for each kind'}"]
    if not roles.source:
        sentences[0] += "; the source is the name of the file"
    if roles.shape:
        sentences.append(f"the columns are those of {roles.shape}")
    if facts.times:
        sentences.append(facts.times)
    if roles.left_out:
        sentences.append(_left_out(roles))
    sentences += facts.table.notes
    if skipped.count:
        first = skipped.first[0]
        sentences.append(f"{_missing(skipped)}; the first is in line {first.line:,}: {first.reason}")
    if facts.small:
        sentences.append(_small(facts))
    return sentences


def _roles(roles: Roles) -> str:
    parts = {"time": roles.time, "source": roles.source, "kind": roles.kind}
    named = [f"{role}={listed([JOINT.join(columns)])}" for role, columns in parts.items() if columns]
    if roles.is_long:
        return ", ".join([*named, f"value={listed(roles.values)}"])
    return f"{', '.join(named)}; values: {listed(roles.values)}"


def _left_out(roles: Roles) -> str:
    return f"left out: {listed(roles.left_out)}"


def _missing(skipped: SkippedRows) -> str:
    return f"{counted(skipped.count, 'value')} missing"


def _small(facts: Facts) -> str:
    values = counted(sum(facts.small.values()), "value")
    return f"{values} of {listed(facts.small)} too small for sums, which are kept in millionths"
