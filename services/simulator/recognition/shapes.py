"""Lists the shapes of files that well-known programs write, with the meaning of their columns. Pure."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from services.simulator.tables.table import Table

EVERY_LABEL: Final = ("*",)
"""Every column that has no other meaning is a label."""
Names = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Meaning:
    """What the columns of a shape mean. Names are in lower case; a name that a file lacks is passed over.

    Attributes:
        time: Names of the column of times, the best first.
        source: The column of sources.
        kind: The column of kinds; empty where each column of values is a kind.
        value: Names of the column of values in a file with a column of kinds.
        labels: Columns that tell series apart. Those whose text varies are joined to the source.
        ignored: Numbers that are no readings.
        headings: Texts in the first column of rows that continue the header.
    """

    time: Names = ()
    source: str = ""
    kind: str = ""
    value: Names = ()
    labels: Names = ()
    ignored: Names = ()
    headings: Names = ()


class Shape(NamedTuple):
    """A shape: the name of the program, the test by which its files are recognised, the meaning of the columns."""

    name: str
    fits: Callable[[Table], bool]
    meaning: Meaning


def shape_of(table: Table) -> Shape | None:
    """Return the shape of a table; None where no shape is known."""
    return next((shape for shape in SHAPES if shape.fits(table)), None)


def without_headings(table: Table, shape: Shape | None) -> Table:
    """Return the table without the rows that continue its header."""
    if shape is None or not shape.meaning.headings:
        return table
    first = next(iter(table.columns.values()))
    text = pc.utf8_lower(pc.utf8_trim_whitespace(first))
    kept = pc.invert(pc.is_in(text, value_set=pa.array(shape.meaning.headings, pa.string())))
    columns = {name: column.filter(kept) for name, column in table.columns.items()}
    return replace(table, columns=columns, lines=table.lines[kept.to_numpy(zero_copy_only=False)])


def by_lower_name(table: Table) -> Mapping[str, str]:
    """Return the name of each column by the name in lower case, the first column of a name before later ones."""
    return {name.lower(): name for name in reversed(list(table.columns))}


def has(*names: str) -> Callable[[Table], bool]:
    """Return a test for columns of these names, in lower case."""
    return lambda table: set(names) <= by_lower_name(table).keys()


def _is_cloudwatch(table: Table) -> bool:
    """Return whether the header begins with Label, and the first row continues the header."""
    label = by_lower_name(table).get("label")
    return label == next(iter(table.columns), "") and str(table.columns[label][0]).strip().lower() in CLOUDWATCH_ROWS


CLOUDWATCH_ROWS: Final = ("id", "unit", "region", "period", "stat", "label")
SADF_LABELS: Final = (
    *("cpu", "intr", "dev", "iface", "tty", "bus", "filesystem", "mount", "fchost", "fan", "temp", "in", "node"),
)
SHAPES: Final[Sequence[Shape]] = (
    Shape(
        "InfluxDB",
        has("_time"),
        Meaning(
            time=("_time",),
            kind="_field",
            value=("_value",),
            labels=EVERY_LABEL,
            ignored=("result", "table", "_start", "_stop"),
        ),
    ),
    Shape(
        "Home Assistant",
        has("entity_id", "state"),
        Meaning(time=("last_changed", "last_updated", "last_changed_ts"), kind="entity_id", value=("state",)),
    ),
    Shape(
        "k6",
        has("metric_name", "timestamp", "metric_value"),
        Meaning(time=("timestamp",), kind="metric_name", value=("metric_value",)),
    ),
    Shape(
        "k6",
        has("metric", "data.time", "data.value"),
        Meaning(time=("data.time",), kind="metric", value=("data.value",)),
    ),
    Shape(
        "Locust",
        has("timestamp", "user count", "type", "name"),
        Meaning(time=("timestamp",), labels=("type", "name")),
    ),
    Shape(
        "JMeter",
        has("timestamp", "elapsed", "label"),
        Meaning(
            time=("timestamp",),
            source="label",
            ignored=("responsecode", "grpthreads", "allthreads", "samplecount", "errorcount"),
        ),
    ),
    Shape("MQTT", has("topic", "payload"), Meaning(kind="topic", value=("payload",))),
    Shape("MQTT", has("topic", "message"), Meaning(kind="topic", value=("message",))),
    Shape("Grafana", has("series", "time", "value"), Meaning(time=("time",), kind="series", value=("value",))),
    Shape("Prometheus", has("__name__", "value"), Meaning(kind="__name__", value=("value",), labels=EVERY_LABEL)),
    Shape(
        "sadf",
        has("hostname", "interval", "timestamp"),
        Meaning(time=("timestamp",), source="hostname", labels=SADF_LABELS, ignored=("interval",)),
    ),
    Shape("CloudWatch", _is_cloudwatch, Meaning(time=("label",), headings=CLOUDWATCH_ROWS)),
    Shape(
        "DWD",
        has("stations_id", "mess_datum"),
        Meaning(
            time=("mess_datum",),
            source="stations_id",
            ignored=("qn", "qn_3", "qn_4", "qn_7", "qn_8", "qn_9"),
        ),
    ),
)
"""The first shape that fits is taken."""
