"""Keeps a trial in a folder, from which it is read back without loss."""

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from decimal import Context, Decimal
from pathlib import Path
from typing import Final, TypeVar

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from lab.files import replaced, write_text
from lab.model import Aggregate, Evidence, LoadRun, Samples, Series, Trial
from lab.runs.codec import decode, encode
from lab.runs.contents import (
    MANIFEST,
    PRODUCER_LEDGER,
    PRODUCER_LEDGER_UNKNOWN,
    SAMPLES,
    SERIES,
    SPANS,
    TOTALS,
    TRIAL,
    WINDOWS,
    table_file,
)
from lab.runs.damage import damaged
from lab.runs.documents import JsonObject
from lab.runs.folder import RunFolder
from lab.runs.manifest import SCHEMA
from lab.runs.schema_1 import RENAMED_TABLES, upgraded_trial

Read = TypeVar("Read")
LATER_COLUMNS: Final = ("blocked_ns", "starved_ns")
"""Columns of the samples that older runs do not have."""
SAMPLE_COLUMNS: Final = ("intended_ns", "sent_ns", "completed_ns", "events", "outcome", *LATER_COLUMNS)
AGGREGATES: Final = pa.schema(
    [
        ("window_start_ns", pa.int64()),
        ("source", pa.string()),
        ("kind", pa.string()),
        ("count", pa.int64()),
        ("sum", pa.decimal128(38, 6)),
        ("minimum", pa.float64()),
        ("maximum", pa.float64()),
    ]
)
MICRO: Final = Decimal("0.000001")
EXACT: Final = Context(prec=38)
"""As wide as the column, whatever precision a notebook has set."""


def save_trial(trial: Trial, folder: Path) -> None:
    """Write a trial: tables as Parquet, spans as they came, the rest as JSON.

    Raises:
        OSError: There is no room; no partial file is left.
    """
    evidence, load_run = trial.evidence, trial.evidence.load_run
    _write_table(folder / SAMPLES, _samples_table(load_run.samples))
    _write_table(folder / SERIES, _series_table(evidence.series))
    for name, aggregates in _aggregate_tables(trial).items():
        _write_table(folder / table_file(name), _aggregates_table(aggregates))
    _write_lines(folder / SPANS, evidence.spans)
    rest = replace(
        trial,
        folder="",
        evidence=replace(
            evidence,
            load_run=replace(load_run, producer_ledger=(), producer_ledger_unknown=()),
            totals=(),
            windows=(),
            series=(),
            spans=(),
        ),
    )
    _write_lines(folder / TRIAL, [encode(rest)])


def load_trial(folder: Path) -> Trial:
    """Return the trial that a folder holds.

    Raises:
        DataFault: A file is missing, damaged or of another version; the message names the file.
    """
    schema = RunFolder(folder).schema() if (folder / MANIFEST).exists() else SCHEMA
    trial = _read(folder / TRIAL, lambda file: _trial(file, schema))
    file_names = RENAMED_TABLES if schema == 1 else {}
    aggregates = {
        name: _read(folder / table_file(file_names.get(name, name)), _aggregates) for name in _aggregate_tables(trial)
    }
    started_ns = trial.evidence.load_run.samples.started_ns
    load_run = replace(
        trial.evidence.load_run,
        samples=_read(folder / SAMPLES, lambda file: _samples(file, started_ns)),
        producer_ledger=aggregates[PRODUCER_LEDGER],
        producer_ledger_unknown=aggregates[PRODUCER_LEDGER_UNKNOWN],
    )
    observed = replace(
        trial.evidence,
        load_run=load_run,
        totals=aggregates[TOTALS],
        windows=aggregates[WINDOWS],
        series=_read(folder / SERIES, _series),
        spans=_read(folder / SPANS, _lines),
    )
    return replace(trial, evidence=observed, folder=str(folder))


def _read(file: Path, parse: Callable[[Path], Read]) -> Read:
    """Return the parsed content of a file; any damage is a DataFault."""
    try:
        return parse(file)
    except (OSError, ValueError, TypeError, LookupError, AttributeError, pa.ArrowException) as error:
        raise damaged(file, error) from error


def _aggregate_tables(trial: Trial) -> dict[str, Sequence[Aggregate]]:
    evidence = trial.evidence
    return {
        TOTALS: evidence.totals,
        WINDOWS: evidence.windows,
        PRODUCER_LEDGER: evidence.load_run.producer_ledger,
        PRODUCER_LEDGER_UNKNOWN: evidence.load_run.producer_ledger_unknown,
    }


def _write_table(path: Path, table: pa.Table) -> None:
    with replaced(path) as draft:
        pq.write_table(table, draft, compression="zstd")


def _write_lines(path: Path, documents: Iterable[object]) -> None:
    write_text(path, "".join(json.dumps(document) + "\n" for document in documents))


def _trial(file: Path, schema: int) -> Trial:
    """Read everything of a trial that has no file of its own."""
    match decode(_document(file, schema)):
        case Trial(evidence=Evidence(load_run=LoadRun(samples=Samples()))) as trial:
            return trial
    raise ValueError("it holds no trial")


def _document(file: Path, schema: int) -> JsonObject:
    """Return a trial as JSON under today's names."""
    [stored] = _lines(file)
    document = upgraded_trial(stored) if schema == 1 else stored
    for name in LATER_COLUMNS:
        document["evidence"]["load_run"]["samples"].setdefault(name, [])
    return document


def _lines(file: Path) -> tuple[JsonObject, ...]:
    """Read a JSON object from each line."""
    documents = tuple(json.loads(line) for line in file.read_text(encoding="utf-8").split("\n") if line)
    if not all(isinstance(document, dict) for document in documents):
        raise ValueError("a line holds no JSON object")
    return documents


def _samples_table(samples: Samples) -> pa.Table:
    return pa.table({name: getattr(samples, name) for name in SAMPLE_COLUMNS})


def _samples(file: Path, started_ns: int) -> Samples:
    """Read the samples; a column that an older run does not have is 0."""
    table = pq.read_table(file)
    arrays = {name: table.column(name).to_numpy() for name in SAMPLE_COLUMNS if name in table.column_names}
    for name in LATER_COLUMNS:
        arrays.setdefault(name, np.zeros(table.num_rows, np.int64))
    return Samples(started_ns=started_ns, **arrays)


def _series_table(series: Sequence[Series]) -> pa.Table:
    """Return a row for each point: number of the series, name, labels as JSON, seconds since the epoch, value.

    A series without points has one row, without a time.
    """
    points = [max(1, len(counter.time_s)) for counter in series]
    number = np.repeat(np.arange(len(series), dtype=np.int64), points)
    labels = [json.dumps(dict(counter.labels), sort_keys=True) for counter in series]
    none = np.array([np.nan])
    time_s = np.concatenate([np.empty(0), *(counter.time_s if len(counter.time_s) else none for counter in series)])
    value = np.concatenate([np.empty(0), *(counter.value if len(counter.time_s) else none for counter in series)])
    return pa.table(
        {
            "series": number,
            "name": pa.array([series[i].name for i in number.tolist()], pa.string()),
            "labels": pa.array([labels[i] for i in number.tolist()], pa.string()),
            "time_s": pa.array(time_s, mask=np.isnan(time_s)),
            "value": pa.array(value, mask=np.isnan(time_s)),
        }
    )


def _series(file: Path) -> tuple[Series, ...]:
    table = pq.read_table(file)
    number = table.column("series").to_numpy()
    time_s, value = table.column("time_s").to_numpy(), table.column("value").to_numpy()
    names, labels = table.column("name"), table.column("labels")
    starts = np.flatnonzero(np.diff(number, prepend=-1))
    return tuple(
        Series(names[int(i)].as_py(), json.loads(labels[int(i)].as_py()), time_s[rows], value[rows])
        for i in starts
        for rows in [(number == number[i]) & ~np.isnan(time_s)]
    )


def _aggregates_table(aggregates: Sequence[Aggregate]) -> pa.Table:
    rows = [
        {
            "window_start_ns": aggregate.window_start_ns,
            "source": aggregate.source,
            "kind": aggregate.kind,
            "count": aggregate.count,
            "sum": EXACT.multiply(aggregate.sum_micro, MICRO),
            "minimum": aggregate.minimum,
            "maximum": aggregate.maximum,
        }
        for aggregate in aggregates
    ]
    return pa.Table.from_pylist(rows, schema=AGGREGATES)


def _aggregates(file: Path) -> tuple[Aggregate, ...]:
    return tuple(
        Aggregate(
            source=row["source"],
            kind=row["kind"],
            count=row["count"],
            sum_micro=int(EXACT.divide(row["sum"], MICRO)),
            minimum=row["minimum"],
            maximum=row["maximum"],
            window_start_ns=row["window_start_ns"],
        )
        for row in pq.read_table(file).to_pylist()
    )
