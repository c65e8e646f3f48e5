"""A trial written into a folder, and read back without loss."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from lab.errors import DataFault
from lab.model import Samples, Series, Total, Trial
from lab.runs.codec import decode, encode

TRIAL: Final = "trial.json"
SPANS: Final = "spans.jsonl"
SAMPLE_COLUMNS: Final = ("intended_ns", "sent_ns", "completed_ns", "events", "outcome")
CELLS: Final = pa.schema(
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


def save_trial(trial: Trial, folder: Path) -> None:
    """Write everything a trial observed: small things as JSON, tables as Parquet, spans as they came."""
    evidence, played = trial.evidence, trial.evidence.played
    _write_table(folder / "samples.parquet", _samples_table(played.samples))
    _write_table(folder / "series.parquet", _series_table(evidence.series))
    for name, cells in _cell_tables(trial).items():
        _write_table(folder / f"{name}.parquet", _cells_table(cells))
    lines = "".join(json.dumps(document) + "\n" for document in evidence.spans)
    (folder / SPANS).write_text(lines, encoding="utf-8")
    small = replace(
        trial,
        folder="",
        evidence=replace(
            evidence,
            played=replace(played, journal=(), journal_unknown=()),
            totals=(),
            windows=(),
            series=(),
            spans=(),
        ),
    )
    (folder / TRIAL).write_text(json.dumps(encode(small)) + "\n", encoding="utf-8")


def load_trial(folder: Path) -> Trial:
    """The trial that a folder holds.

    Raises:
        DataFault: Something is missing or damaged; the message names the file.
    """
    try:
        trial = decode(json.loads((folder / TRIAL).read_text(encoding="utf-8")))
        spans = [json.loads(line) for line in (folder / SPANS).read_text(encoding="utf-8").splitlines()]
        cells = {name: _cells(pq.read_table(folder / f"{name}.parquet")) for name in _cell_tables(trial)}
        samples = pq.read_table(folder / "samples.parquet")
        series = pq.read_table(folder / "series.parquet")
    except (OSError, ValueError, pa.ArrowException, AttributeError) as error:
        raise DataFault(f"cannot read the run in {folder}", found=str(error)[:200], code="CORRUPT_RUN") from error
    evidence = trial.evidence
    played = replace(
        evidence.played,
        samples=_samples(samples, evidence.played.samples.started_ns),
        journal=cells["journal"],
        journal_unknown=cells["journal_unknown"],
    )
    observed = replace(
        evidence,
        played=played,
        totals=cells["totals"],
        windows=cells["windows"],
        series=_series(series),
        spans=tuple(spans),
    )
    loaded: Trial = replace(trial, evidence=observed, folder=str(folder))
    return loaded


def _cell_tables(trial: Trial) -> dict[str, Sequence[Total]]:
    evidence = trial.evidence
    return {
        "totals": evidence.totals,
        "windows": evidence.windows,
        "journal": evidence.played.journal,
        "journal_unknown": evidence.played.journal_unknown,
    }


def _write_table(path: Path, table: pa.Table) -> None:
    pq.write_table(table, path, compression="zstd")


def _samples_table(samples: Samples) -> pa.Table:
    return pa.table({name: getattr(samples, name) for name in SAMPLE_COLUMNS})


def _samples(table: pa.Table, started_ns: int) -> Samples:
    arrays = {name: table.column(name).to_numpy() for name in SAMPLE_COLUMNS}
    return Samples(started_ns=started_ns, **arrays)


def _series_table(series: Sequence[Series]) -> pa.Table:
    """A row for each point: number of the series, name, labels as JSON, seconds since the epoch, value."""
    number = np.concatenate([np.empty(0, np.int64), *(np.full(len(one.time_s), i) for i, one in enumerate(series))])
    empty = np.empty(0, np.float64)
    labels = [json.dumps(dict(one.labels), sort_keys=True) for one in series]
    picked = number.astype(np.int64)
    return pa.table(
        {
            "series": picked,
            "name": pa.array([series[i].name for i in picked], pa.string()),
            "labels": pa.array([labels[i] for i in picked], pa.string()),
            "time_s": np.concatenate([empty, *(one.time_s for one in series)]),
            "value": np.concatenate([empty, *(one.value for one in series)]),
        }
    )


def _series(table: pa.Table) -> tuple[Series, ...]:
    number = table.column("series").to_numpy()
    time_s, value = table.column("time_s").to_numpy(), table.column("value").to_numpy()
    names, labels = table.column("name"), table.column("labels")
    starts = np.flatnonzero(np.diff(number, prepend=-1))
    return tuple(
        Series(names[int(i)].as_py(), json.loads(labels[int(i)].as_py()), time_s[rows], value[rows])
        for i in starts
        for rows in [number == number[i]]
    )


def _cells_table(cells: Sequence[Total]) -> pa.Table:
    def column(read: Iterable[Any], name: str) -> pa.Array:
        return pa.array(list(read), CELLS.field(name).type)

    arrays = [
        column((cell.window_start_ns for cell in cells), "window_start_ns"),
        column((cell.source for cell in cells), "source"),
        column((cell.kind for cell in cells), "kind"),
        column((cell.count for cell in cells), "count"),
        column((cell.sum_micro * MICRO for cell in cells), "sum"),
        column((cell.minimum for cell in cells), "minimum"),
        column((cell.maximum for cell in cells), "maximum"),
    ]
    return pa.table(arrays, schema=CELLS)


def _cells(table: pa.Table) -> tuple[Total, ...]:
    return tuple(
        Total(
            source=row["source"],
            kind=row["kind"],
            count=row["count"],
            sum_micro=int(row["sum"] / MICRO),
            minimum=row["minimum"],
            maximum=row["maximum"],
            window_start_ns=row["window_start_ns"],
        )
        for row in table.to_pylist()
    )
