"""A trial written into a folder, and read back without loss."""

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from decimal import Context, Decimal
from pathlib import Path
from typing import Any, Final, TypeVar

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from lab.errors import DataFault
from lab.model import Samples, Series, Total, Trial
from lab.runs.codec import decode, encode
from lab.runs.folder import MANIFEST, RunFolder, written_whole

Read = TypeVar("Read")
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
EXACT: Final = Context(prec=38)
"""As wide as the column, whatever precision a notebook has set for itself."""


def save_trial(trial: Trial, folder: Path) -> None:
    """Write everything a trial observed: small things as JSON, tables as Parquet, spans as they came.

    Raises:
        OSError: There is no room; no half file is left.
    """
    evidence, played = trial.evidence, trial.evidence.played
    _write_table(folder / "samples.parquet", _samples_table(played.samples))
    _write_table(folder / "series.parquet", _series_table(evidence.series))
    for name, cells in _cell_tables(trial).items():
        _write_table(folder / f"{name}.parquet", _cells_table(cells))
    _write_lines(folder / SPANS, evidence.spans)
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
    _write_lines(folder / TRIAL, [encode(small)])


def load_trial(folder: Path) -> Trial:
    """The trial that a folder holds.

    Raises:
        DataFault: Something is missing or damaged, or another version wrote it; the message names the file.
    """
    if (folder / MANIFEST).exists():
        RunFolder(folder).check_schema()
    [small] = _read(folder / TRIAL, _lines)
    trial = decode(small)
    if not isinstance(trial, Trial):
        raise DataFault(f"cannot read the run in {folder}", found=f"{TRIAL} holds no trial", code="CORRUPT_RUN")
    cells = {name: _read(folder / f"{name}.parquet", _cells) for name in _cell_tables(trial)}
    started_ns = trial.evidence.played.samples.started_ns
    played = replace(
        trial.evidence.played,
        samples=_read(folder / "samples.parquet", lambda file: _samples(file, started_ns)),
        journal=cells["journal"],
        journal_unknown=cells["journal_unknown"],
    )
    observed = replace(
        trial.evidence,
        played=played,
        totals=cells["totals"],
        windows=cells["windows"],
        series=_read(folder / "series.parquet", _series),
        spans=_read(folder / SPANS, _lines),
    )
    return replace(trial, evidence=observed, folder=str(folder))


def _read(file: Path, how: Callable[[Path], Read]) -> Read:
    """What a file holds; every way in which it can be damaged is the same fault."""
    try:
        return how(file)
    except (OSError, ValueError, TypeError, LookupError, pa.ArrowException) as error:
        raise DataFault(
            f"cannot read the run in {file.parent}", found=f"{file.name}: {str(error)[:200]}", code="CORRUPT_RUN"
        ) from error


def _cell_tables(trial: Trial) -> dict[str, Sequence[Total]]:
    evidence = trial.evidence
    return {
        "totals": evidence.totals,
        "windows": evidence.windows,
        "journal": evidence.played.journal,
        "journal_unknown": evidence.played.journal_unknown,
    }


def _write_table(path: Path, table: pa.Table) -> None:
    with written_whole(path) as beside:
        pq.write_table(table, beside, compression="zstd")


def _write_lines(path: Path, documents: Iterable[object]) -> None:
    with written_whole(path) as beside:
        beside.write_text("".join(json.dumps(document) + "\n" for document in documents), encoding="utf-8")


def _lines(file: Path) -> tuple[Any, ...]:
    return tuple(json.loads(line) for line in file.read_text(encoding="utf-8").split("\n") if line)


def _samples_table(samples: Samples) -> pa.Table:
    return pa.table({name: getattr(samples, name) for name in SAMPLE_COLUMNS})


def _samples(file: Path, started_ns: int) -> Samples:
    table = pq.read_table(file)
    arrays = {name: table.column(name).to_numpy() for name in SAMPLE_COLUMNS}
    return Samples(started_ns=started_ns, **arrays)


def _series_table(series: Sequence[Series]) -> pa.Table:
    """A row for each point: number of the series, name, labels as JSON, seconds since the epoch, value.

    A series without points has one row, without a time.
    """
    points = [max(1, len(one.time_s)) for one in series]
    number = np.repeat(np.arange(len(series), dtype=np.int64), points)
    labels = [json.dumps(dict(one.labels), sort_keys=True) for one in series]
    none = np.array([np.nan])
    time_s = np.concatenate([np.empty(0), *(one.time_s if len(one.time_s) else none for one in series)])
    value = np.concatenate([np.empty(0), *(one.value if len(one.time_s) else none for one in series)])
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


def _cells_table(cells: Sequence[Total]) -> pa.Table:
    def column(read: Iterable[Any], name: str) -> pa.Array:
        return pa.array(list(read), CELLS.field(name).type)

    arrays = [
        column((cell.window_start_ns for cell in cells), "window_start_ns"),
        column((cell.source for cell in cells), "source"),
        column((cell.kind for cell in cells), "kind"),
        column((cell.count for cell in cells), "count"),
        column((EXACT.multiply(cell.sum_micro, MICRO) for cell in cells), "sum"),
        column((cell.minimum for cell in cells), "minimum"),
        column((cell.maximum for cell in cells), "maximum"),
    ]
    return pa.table(arrays, schema=CELLS)


def _cells(file: Path) -> tuple[Total, ...]:
    return tuple(
        Total(
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
