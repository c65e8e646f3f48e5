"""A file becomes events: roles of its columns, meaning of its times, missing values."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from services.serving.invalid import InvalidRequest
from services.simulator.source import SourceFault
from services.simulator.sources.replay import ReplaySource, open_replay

SECOND = 1_000_000_000
Rows = list[tuple[str, str, int, float]]


def file(folder: Path, name: str, text: str | bytes) -> str:
    """Write a file and return its path."""
    path = folder / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return str(path)


def rows_of(source: ReplaySource) -> Rows:
    """Return all events of a source."""
    columns = source.take(np.zeros(len(source), np.int64))
    return [
        (columns.sources[s], columns.kinds[k], int(t), float(v))
        for s, k, t, v in zip(columns.source_index, columns.kind_index, columns.time_ns, columns.value, strict=True)
    ]


def test_a_long_file_has_an_event_per_row(tmp_path: Path) -> None:
    """Time, source, kind and value are recognised by their names."""
    path = file(tmp_path, "a.csv", "ts,host,metric,value\n2024-01-01T00:00:01Z,pi,temp,1.5\n2024-01-01,pi,load,2\n")
    assert rows_of(open_replay(path, "")) == [
        ("pi", "load", 1_704_067_200 * SECOND, 2.0),
        ("pi", "temp", 1_704_067_201 * SECOND, 1.5),
    ]


def test_a_wide_file_has_a_kind_per_column(tmp_path: Path) -> None:
    """Calendar columns and text are left out, and the file's name is the source."""
    path = file(tmp_path, "roof.csv", "time;year;temp;humid;note\n2013-01-01T01:00:00Z;2013;1.5;60;dry\n")
    source = open_replay(path, "")
    assert [(row[0], row[1], row[3]) for row in rows_of(source)] == [("roof", "temp", 1.5), ("roof", "humid", 60.0)]
    assert any("left out: year, note" in note for note in source.notes)


def test_roles_of_the_caller_come_first(tmp_path: Path) -> None:
    """The names of these columns tell no role."""
    path = file(tmp_path, "a.csv", "q,when,x,host\nk1,1700000000,3,pi\n")
    assert rows_of(open_replay(path, "time=when,kind=q,value=x")) == [("pi", "k1", 1_700_000_000 * SECOND, 3.0)]


def test_json_lines_and_parquet_are_read_alike(tmp_path: Path) -> None:
    """The same rows give the same events."""
    rows = [{"time": "2020-02-29T12:00:00.123456789Z", "source": "a", "kind": "k", "value": 0.1}]
    lines = file(tmp_path, "a.jsonl", "".join(json.dumps(row) + "\n" for row in rows))
    nanos = 1_582_977_600 * SECOND + 123_456_789
    table = {"time": pa.array([nanos], pa.timestamp("ns", "UTC")), "source": ["a"], "kind": ["k"], "value": [0.1]}
    pq.write_table(pa.table(table), tmp_path / "a.parquet")
    expected = [("a", "k", nanos, 0.1)]
    assert rows_of(open_replay(lines, "")) == rows_of(open_replay(str(tmp_path / "a.parquet"), "")) == expected


@pytest.mark.parametrize(
    ("text", "nanos"),
    [
        ("2001-09-09T01:46:40Z", 10**18),
        ("2001-09-09 03:46:40+02:00", 10**18),
        ("2001-09-09T01:46:40.000000001+00:00", 10**18 + 1),
        ("2001-09-09T01:46:40", 10**18),
        ("1000000000", 10**18),
        ("1000000000000", 10**18),
        ("1000000000000000", 10**18),
        ("1000000000000000001", 10**18 + 1),
        ("1000000000.25", 10**18 + 250_000_000),
        ("1900-01-01", -2_208_988_800 * SECOND),
    ],
)
def test_times_are_exact(tmp_path: Path, text: str, nanos: int) -> None:
    """ISO times with or without a zone, dates, epoch numbers by their magnitude, to the nanosecond."""
    path = file(tmp_path, "a.csv", f"time,kind,value\n{text},k,1\n")
    assert rows_of(open_replay(path, ""))[0][2] == nanos


def test_a_note_says_that_naive_times_are_utc(tmp_path: Path) -> None:
    """The file itself does not tell the zone."""
    path = file(tmp_path, "a.csv", "time,kind,value\n2001-09-09T01:46:40,k,1\n")
    assert any("naive times were read as UTC" in note for note in open_replay(path, "").notes)


def test_a_missing_value_is_counted_with_its_line(tmp_path: Path) -> None:
    """Empty cells, text, infinities, values and times out of range, rows of another length."""
    rows = {
        "2020-01-01,a,k,1": "",
        "2020-01-01,a,k,": "value: empty",
        "2020-01-01,a,k,abc": "'abc' is not a number",
        "2020-01-01,a,k,inf": "'inf' is not a number",
        "2020-01-01,a,k,1e300": "beyond 2^45",
        "1601-01-01,a,k,1": "1900..2200",
        "yesterday,a,k,1": "'yesterday' is not a time",
        "2020-01-01,,k,1": "source: empty",
        "2020-01-01,a,k,1,9": "5 fields, the header has 4",
    }
    source = open_replay(file(tmp_path, "a.csv", "\n".join(["time,source,kind,value", *rows])), "")
    assert (len(source), source.skipped_rows) == (1, 8)
    assert [row.line for row in source.skipped] == [3, 4, 5, 6, 7, 8, 9, 10]
    for row, why in zip(source.skipped, list(rows.values())[1:], strict=True):
        assert why in row.reason


@pytest.mark.parametrize(
    ("name", "text", "columns", "reason"),
    [
        ("missing.csv", None, "", "NO_FILE"),
        ("empty.csv", "", "", "EMPTY_FILE"),
        ("header.csv", "time,value\n", "", "NO_ROWS"),
        ("latin.csv", "time,kind,value\n2020-01-01,k\xe9,1\n".encode("latin-1"), "", "BAD_FILE_ENCODING"),
        ("repeated.csv", "time,value,value\n1,2,3\n", "", "DUPLICATE_COLUMNS"),
        ("timeless.csv", "a,b\n1,2\n", "", "NO_TIME_COLUMN"),
        ("wordy.csv", "time,b\n2020-01-01,x\n", "", "NO_VALUE_COLUMN"),
        ("unusable.csv", "time,kind,value\n2020-01-01,k,\n", "", "NO_USABLE_ROWS"),
        ("a.csv", "time,kind,value\n2020-01-01,k,1\n", "time=when", "BAD_COLUMNS"),
        ("b.csv", "time,kind,value\n2020-01-01,k,1\n", "clock=time", "BAD_COLUMNS"),
        ("a.xlsx", "x", "", "UNKNOWN_FILE_FORMAT"),
        ("a.parquet", "not parquet", "", "MALFORMED_FILE"),
        ("array.json", '[{"time": 1}]', "", "NO_ROWS"),
    ],
)
def test_a_file_that_cannot_be_replayed_is_refused(
    tmp_path: Path, name: str, text: Any, columns: str, reason: str
) -> None:
    """The reason is for programs, the message names the file or the column, and the file is at fault."""
    path = str(tmp_path / name) if text is None else file(tmp_path, name, text)
    with pytest.raises(SourceFault) as fault:
        open_replay(path, columns)
    assert (fault.value.reason, fault.value.is_missing) == (reason, reason == "NO_FILE")
    assert len(str(fault.value).splitlines()) <= 3


def test_a_folder_is_refused(tmp_path: Path) -> None:
    """The message says that it is a folder."""
    folder = tmp_path / "a.csv"
    folder.mkdir()
    with pytest.raises(SourceFault, match="folder"):
        open_replay(str(folder), "")


def test_speed_stretches_the_file_s_own_pace(tmp_path: Path) -> None:
    """By default the whole file fits. A factor speeds the file up, and a note tells the events that do not fit."""
    path = file(tmp_path, "a.csv", "time,kind,value\n" + "".join(f"{1_700_000_000 + 10 * i},k,{i}\n" for i in range(5)))
    assert open_replay(path, "").offsets_s(8.0, "").tolist() == [0, 2, 4, 6, 8]
    source = open_replay(path, "")
    assert source.offsets_s(1.5, "20").tolist() == [0.0, 0.5, 1.0, 1.5]
    assert any("4 of 5 events fit" in note for note in source.notes)
    assert len(open_replay(path, "").offsets_s(1.0, "max")) == 5
    with pytest.raises(InvalidRequest, match="speed") as refused:
        open_replay(path, "").offsets_s(1.0, "fast")
    assert refused.value.field == "speed"


def test_the_width_fits_the_file(tmp_path: Path) -> None:
    """A year of hourly rows gets windows of six hours, not millions of windows of a second."""
    hours = "".join(f"{1_700_000_000 + 3_600 * i},k,1\n" for i in range(9_000))
    path = file(tmp_path, "a.csv", "time,kind,value\n" + hours)
    source = open_replay(path, "")
    assert source.window_ns == 6 * 3_600 * SECOND
