"""Replays the events of a file in the order of their times."""

from collections.abc import Sequence
from pathlib import Path
from typing import Final, NamedTuple

import grpc
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from services.contracts.batches import Columns
from services.contracts.limits import MAX_BATCH_EVENTS, MAX_COMMIT_AGGREGATES, MAX_KEYS_PER_RUN, MAX_NAME_BYTES, NANOS
from services.serving.status import Refused
from services.simulator.source import SkippedRow, SourceFault
from services.simulator.sources.readings import times_of, values_of
from services.simulator.sources.roles import Roles, roles_of
from services.simulator.sources.tables import Table, read_table

SHOWN_SKIPPED: Final = 100
FASTEST: Final = "max"
MAX_RATE: Final = 20_000.0
"""Events per second at speed "max", which one generator on one core keeps without being late."""
MANY_WINDOWS: Final = 2_000
SECOND, MINUTE, HOUR, DAY = NANOS, 60 * NANOS, 3_600 * NANOS, 86_400 * NANOS
WIDTHS: Final = (
    *(NANOS // 1_000, NANOS // 100, NANOS // 10, SECOND, 10 * SECOND, MINUTE, 10 * MINUTE, HOUR, 6 * HOUR),
    *(DAY, 7 * DAY, 30 * DAY, 365 * DAY),
)
"""Natural widths of windows, ascending."""


class Events(NamedTuple):
    """Events in order of time, as arrays of equal length."""

    time_ns: NDArray[np.int64]
    source: NDArray[np.int64]
    kind: NDArray[np.int64]
    value: NDArray[np.float64]


class ReplaySource:
    """Gives the events of a file that was read whole."""

    is_live = False

    def __init__(
        self, events: Events, names: tuple[Sequence[str], Sequence[str]], skipped: list[SkippedRow], notes: list[str]
    ) -> None:
        self._events, (self._sources, self._kinds) = events, names
        self.notes: Sequence[str] = notes
        self.skipped_rows = len(skipped)
        self.skipped: Sequence[SkippedRow] = skipped[:SHOWN_SKIPPED]
        self.window_ns = fitting_width(events)
        self._next = 0

    def __len__(self) -> int:
        """Number of events."""
        return len(self._events.time_ns)

    def offsets_s(self, duration_s: float, speed: str) -> NDArray[np.float64]:
        """Return when each event is due, in seconds from the start. Events beyond the duration are left out.

        Args:
            duration_s: Seconds.
            speed: A factor; `max` for 20,000 events a second; empty fits the whole file into the duration.

        Raises:
            Refused: The speed is neither.
        """
        since_s = (self._events.time_ns - self._events.time_ns[0]) / np.float64(NANOS)
        if speed == FASTEST:
            offsets = np.arange(1, len(self) + 1, dtype=np.float64) / np.float64(MAX_RATE)
        elif speed:
            offsets = since_s / _factor(speed)
        elif since_s[-1] > 0:
            offsets = since_s * np.float64(duration_s / since_s[-1])
        else:
            offsets = np.arange(1, len(self) + 1, dtype=np.float64) * np.float64(duration_s / len(self))
        fitting = offsets[offsets <= duration_s * (1 + 1e-12)]
        if len(fitting) < len(offsets):
            kept = f"{len(fitting):,} of {len(offsets):,} events fit into {duration_s:g} s at this speed"
            self.notes = [*self.notes, kept]
        return fitting

    def take(self, intended_ns: NDArray[np.int64]) -> Columns:
        """Return the next events with their own times."""
        part = slice(self._next, self._next + len(intended_ns))
        self._next = part.stop
        source, source_index = np.unique(self._events.source[part], return_inverse=True)
        kind, kind_index = np.unique(self._events.kind[part], return_inverse=True)
        return Columns(
            tuple(self._sources[number] for number in source),
            tuple(self._kinds[number] for number in kind),
            source_index.astype(np.uint32),
            kind_index.astype(np.uint32),
            self._events.time_ns[part],
            self._events.value[part],
        )

    def close(self) -> None:
        """Do nothing: the file is closed."""


def open_replay(path: str, columns: str) -> ReplaySource:
    """Read a file and recognise its columns.

    Args:
        path: A CSV (`.csv`, `.tsv`), JSON-lines (`.jsonl`, `.ndjson`, `.json`) or Parquet (`.parquet`) file.
        columns: Roles of columns, as "time=ts,source=host,kind=metric,value=v"; empty recognises them by their names.

    Raises:
        SourceFault: The file cannot be read, or holds no usable event.
    """
    table = read_table(Path(path))
    roles = roles_of(table, columns, path=path)
    times = times_of(table.columns[roles.time])
    sources = _labels(table, roles.source, Path(path).stem, role="source")
    kinds, grid = _kinds(table, roles)
    rows_out = {**sources.trouble, **kinds.trouble, **times.trouble}
    value, missing = _matrix(table, roles, rows_out)
    events = _in_order(times.nanos, sources.number, grid, value)
    if not len(events.time_ns):
        raise SourceFault("NO_USABLE_ROWS", f"{path}: none of its {len(table):,} rows holds a time with a value")
    _check_pairs(path, events, len(kinds.names))
    skipped = sorted([*table.skipped, *missing])
    return ReplaySource(events, (sources.names, kinds.names), skipped, _notes(roles, times.note, skipped))


def fitting_width(events: Events) -> int:
    """Return the smallest natural width with at most 2,000 windows, and few enough aggregates per batch."""
    span = int(events.time_ns[-1] - events.time_ns[0])
    for width in WIDTHS:
        if span <= width * MANY_WINDOWS and _most_aggregates(events, width) <= MAX_COMMIT_AGGREGATES:
            return width
    return WIDTHS[-1]


def _most_aggregates(events: Events, width: int) -> int:
    """Return the most aggregates that a batch of the largest size can have, wherever the batch begins."""
    if len(events.time_ns) <= MAX_COMMIT_AGGREGATES:
        return len(events.time_ns)
    aggregate = np.column_stack((events.time_ns // width, events.source, events.kind))
    starts = range(0, len(aggregate), MAX_BATCH_EVENTS // 2)
    # Every batch lies within blocks of half its size that overlap by half.
    return max(len(np.unique(aggregate[first : first + MAX_BATCH_EVENTS], axis=0)) for first in starts)


def _factor(speed: str) -> float:
    try:
        factor = float(speed)
    except ValueError:
        factor = 0.0
    if not 0 < factor < float("inf"):
        message = f'speed: "{speed}" is neither a factor above 0 nor "{FASTEST}"'
        raise Refused(grpc.StatusCode.INVALID_ARGUMENT, "BAD_SPEED", message, field="speed")
    return factor


class Labels(NamedTuple):
    """A column of names: the distinct names, the number of each row's name, row → what is wrong with its name."""

    names: Sequence[str]
    number: NDArray[np.int64]
    trouble: dict[int, str]


def _labels(table: Table, column: str, default: str, *, role: str) -> Labels:
    """Return the names in a column; the default in every row where there is no column."""
    if not column:
        return Labels([default], np.zeros(len(table), np.int64), {})
    encoded = table.columns[column].cast(pa.string()).fill_null("").dictionary_encode()
    names = [name.strip() for name in encoded.dictionary.to_pylist()]
    wrong = {number: why for number, name in enumerate(names) if (why := _why_no_name(name, role))}
    index = encoded.indices.to_numpy(zero_copy_only=False).astype(np.int64)
    bad = np.flatnonzero(np.isin(index, list(wrong))) if wrong else np.empty(0, np.int64)
    return Labels(names, index, {int(row): wrong[int(index[row])] for row in bad})


def _kinds(table: Table, roles: Roles) -> tuple[Labels, NDArray[np.int64]]:
    """Return the kinds, and the number of the kind for each row and column of values."""
    if roles.is_long:
        kinds = _labels(table, roles.kind, "", role="kind")
        return kinds, kinds.number[:, None]
    number = np.arange(len(roles.values))
    return Labels(roles.values, number, {}), np.broadcast_to(number, (len(table), len(number)))


def _why_no_name(name: str, role: str) -> str:
    if not name:
        return f"{role}: empty"
    if not name.isprintable():
        return f"{role}: {name[:40]!r} is not printable"
    return f"{role}: {len(name.encode())} bytes, limit {MAX_NAME_BYTES}" if len(name.encode()) > MAX_NAME_BYTES else ""


def _matrix(table: Table, roles: Roles, rows_out: dict[int, str]) -> tuple[NDArray[np.float64], list[SkippedRow]]:
    """Return the values by row and kind, NaN where there is none, and a skipped row for each missing value."""
    columns, missing = [], [SkippedRow(int(table.lines[row]), why) for row, why in rows_out.items()]
    for name in roles.values:
        values = values_of(table.columns[name], name)
        columns.append(values.value)
        missing += [
            SkippedRow(int(table.lines[row]), why) for row, why in values.trouble.items() if row not in rows_out
        ]
    matrix = np.column_stack(columns)
    matrix[list(rows_out)] = np.nan
    return matrix, missing


def _in_order(
    nanos: NDArray[np.int64], source: NDArray[np.int64], kind: NDArray[np.int64], value: NDArray[np.float64]
) -> Events:
    """Return one event for each value, sorted by time. Equal times keep the order of the file."""
    row, column = np.nonzero(~np.isnan(value))
    order = np.argsort(nanos[row], kind="stable")
    row, column = row[order], column[order]
    return Events(nanos[row], source[row], kind[row, column], value[row, column])


def _check_pairs(path: str, events: Events, kinds: int) -> None:
    pairs = len(np.unique(events.source * kinds + events.kind))
    if pairs > MAX_KEYS_PER_RUN:
        message = f"{path}: {pairs:,} (source, kind) pairs, limit {MAX_KEYS_PER_RUN:,} a run"
        raise SourceFault("TOO_MANY_DATA_KEYS", f"{message}; choose other columns: columns=…")


def _notes(roles: Roles, about_times: str, skipped: Sequence[SkippedRow]) -> list[str]:
    shape = "a row is one event" if roles.is_long else f"a column for each kind: {', '.join(roles.values)}"
    notes = [f"time: {roles.time}; source: {roles.source or 'the name of the file'}; {shape}"]
    if about_times:
        notes.append(about_times)
    if roles.left_out:
        notes.append(f"left out: {', '.join(roles.left_out)}")
    if skipped:
        first = f"the first is in line {skipped[0].line:,}: {skipped[0].reason}"
        notes.append(f"{len(skipped):,} values are missing; {first}")
    return notes
