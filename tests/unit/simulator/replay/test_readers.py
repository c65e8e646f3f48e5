"""Files of every encoding, packing and type are read, or refused with what is wrong; no error of a library gets out."""

import gzip
import json
import random
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from services.simulator.source import SourceFault
from services.simulator.sources.replay import open_replay
from tests.fuzz.files import nonsense_file
from tests.unit.simulator.replay.files import events_in, events_of, fault_of, write

AT: Final = "2026-11-20T10:00:00Z"
TABLE: Final = f"time,température\n{AT},1\n{AT},2\n"
LINES: Final = f'{{"time":"{AT}","a":1}}\n{{"time":"{AT}","a":2}}\n'
ENCODED: Final = {
    "a.csv": TABLE.encode(),
    "marked.csv": TABLE.encode("utf-8-sig"),
    "utf16.csv": TABLE.encode("utf-16"),
    "utf16be.csv": b"\xfe\xff" + TABLE.encode("utf-16-be"),
    "without_mark.csv": TABLE.encode("utf-16-le"),
    "be_without_mark.csv": TABLE.encode("utf-16-be"),
    "utf32.csv": TABLE.encode("utf-32"),
    "packed.csv": gzip.compress(TABLE.encode()),
    "packed.csv.gz": gzip.compress(TABLE.encode("utf-16")),
    "parts.csv.gz": gzip.compress(TABLE[:20].encode()) + gzip.compress(TABLE[20:].encode()),
    "UPPER.CSV.GZ": gzip.compress(TABLE.encode()),
    "a.jsonl": LINES.encode(),
    "a.ndjson.gz": gzip.compress(LINES.encode()),
    "utf16.json": LINES.encode("utf-16"),
}


@pytest.mark.parametrize("name", ENCODED)
def test_a_text_is_read_whatever_its_first_bytes_tell(tmp_path: Path, name: str) -> None:
    """UTF-8, UTF-16, UTF-32, with their marks or without, packed by gzip or not."""
    assert [event.value for event in events_in(write(tmp_path, name, ENCODED[name]))] == [1, 2]


def test_the_source_is_the_name_without_its_suffixes(tmp_path: Path) -> None:
    """Also of a file that is packed."""
    assert {
        event.source for event in events_in(write(tmp_path, "flows.2026.csv.gz", gzip.compress(TABLE.encode())))
    } == {"flows.2026"}


FOREIGN: Final = {
    "workbook": (b"PK\x03\x04rest,of,it\n1,2,3\n", "FOREIGN_FORMAT", "save the sheet as CSV"),
    "database": (b"SQLite format 3\x00a,b\n1,2\n", "FOREIGN_FORMAT", "export the table as CSV"),
    "zstd": (b"\x28\xb5\x2f\xfda,b\n1,2\n", "FOREIGN_FORMAT", "zstd -d"),
    "parquet": (b"PAR1a,b\n1,2\n", "FOREIGN_FORMAT", ".parquet"),
    "cut": (gzip.compress(TABLE.encode() * 100)[:-12], "MALFORMED_FILE", "EOFError"),
    "damaged": (gzip.compress(TABLE.encode() * 100)[:40] + b"x" * 40, "MALFORMED_FILE", "rror"),
    "latin": (f"time,°C\n{AT},1\n".encode("latin-1"), "BAD_FILE_ENCODING", "iconv -f latin1 -t utf-8"),
    "binary": (b"time,a\n" + bytes(range(256)), "BAD_FILE_ENCODING", "not those of a text"),
    "odd UTF-16": (b"\xff\xfe" + TABLE.encode("utf-16-le")[:41], "BAD_FILE_ENCODING", "not UTF-16"),
    "control characters": (b"time,a\x1b[31m\n1,2\n", "BAD_FILE_ENCODING", "is not text"),
}


@pytest.mark.parametrize("name", FOREIGN)
def test_bytes_that_are_no_text_are_told(tmp_path: Path, name: str) -> None:
    """By what they are, with the right command where there is one; never the command for another case."""
    content, reason, words = FOREIGN[name]
    fault = fault_of(write(tmp_path, "a.csv", content))
    assert fault.reason == reason
    assert words in fault.message
    assert ("latin1" in fault.message) == (name == "latin")


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ('{"time":', "not JSON"),
        ("[1, 2]", "a JSON array, an object is needed"),
        ("5", "a JSON value, an object is needed"),
        ("null", "a JSON value, an object is needed"),
        ('{"time":"x","host":"\\ud83d"}', "holds half of a character, which is no text"),
        ('{"time":"x","\\udc00":1}', "holds half of a character, which is no text"),
        ('{"time":"x","a":' + "[" * 5_000 + "]" * 5_000 + "}", "its values are nested too deep"),
        ('{"time":"x","a":' + '{"a":' * 5_000 + "1" + "}" * 5_000 + "}", "its values are nested too deep"),
    ],
)
def test_a_line_that_is_no_row_is_skipped_with_its_line(tmp_path: Path, line: str, reason: str) -> None:
    """The other lines stay."""
    source = open_replay(str(write(tmp_path, "a.jsonl", f"{LINES}{line}\n\n{LINES}")), "")
    assert (len(source), source.skipped_rows) == (4, 1)
    assert source.skipped[0].line == 3
    assert reason in source.skipped[0].reason


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("1", [1.0]), ("1.50", [1.5]), ('"1.5"', [1.5]), ("-0", [0.0]), ("1E3", [1_000.0]), ('{"b":2}', [2.0]),
        ("9223372036854775808", []), ("9" * 5_000, []), ("NaN", []), ("-Infinity", []), ("null", []), ("true", []),
        ("[1]", []), ("{}", []),
    ],
)  # fmt: skip
def test_values_of_json_are_read_to_the_last_digit(tmp_path: Path, value: str, expected: list[float]) -> None:
    """What is no number is missing, whatever stands beside it."""
    lines = [
        f'{{"time":"{AT}","a":{value}}}',
        *(f'{{"time":"2026-11-20T11:00:00Z","a":{number}}}' for number in (7, 8, 9)),
    ]
    events = events_in(write(tmp_path, "a.jsonl", "\n".join(lines)))
    assert [event.value for event in events if event.time == "2026-11-20 10:00:00"] == expected


def test_objects_of_different_keys_lose_nothing(tmp_path: Path) -> None:
    """A key that a line lacks is no missing value. A line without any value is told."""
    rows: list[dict[str, Any]] = [{"a": 1}, {"b": 2}, {"note": "x"}, {"a": None}]
    path = write(tmp_path, "a.jsonl", "".join(json.dumps({"time": AT, **row}) + "\n" for row in rows))
    source = open_replay(str(path), "")
    assert [(event.kind, event.value) for event in events_of(source)] == [("a", 1), ("b", 2)]
    assert [(row.line, row.reason) for row in source.skipped] == [(3, "value: empty"), (4, "a: empty")]


USELESS: Final[dict[str, Any]] = {
    "list": pa.array([["a"]]),
    "struct": pa.array([{"a": 1}]),
    "map": pa.array([[("k", 1.0)]], pa.map_(pa.string(), pa.float64())),
    "bytes": pa.array([b"\xff\xfe"]),
    "duration": pa.array([1], pa.duration("ns")),
    "uuid": pa.ExtensionArray.from_storage(pa.uuid(), pa.array([b"0123456789abcdef"], pa.binary(16))),
}


@pytest.mark.parametrize("role", ["time", "source", "value"])
@pytest.mark.parametrize("kind", USELESS)
def test_a_column_whose_type_has_no_use_is_named_with_its_type(tmp_path: Path, kind: str, role: str) -> None:
    """In its role, by its name or by the caller's word; beside other columns it is left out."""
    plain = {
        "time": pa.array([1_795_168_800]),
        "source": pa.array(["s"]),
        "kind": pa.array(["k"]),
        "value": pa.array([1.0]),
    }
    pq.write_table(pa.table(plain | {role: USELESS[kind]}), tmp_path / "a.parquet")
    pq.write_table(pa.table(plain | {"other": USELESS[kind]}), tmp_path / "b.parquet")
    for fault in (fault_of(tmp_path / "a.parquet"), fault_of(tmp_path / "b.parquet", f"{role}=other")):
        assert fault.reason == "UNUSABLE_COLUMN"
        assert f"type {str(USELESS[kind].type).partition('<')[0]}" in fault.message
    assert len(events_in(tmp_path / "b.parquet")) == 1


def test_text_that_is_damaged_is_named_with_its_type(tmp_path: Path) -> None:
    """Parquet does not check that its texts are texts."""
    damaged = pa.Array.from_buffers(
        pa.string(), 1, [None, pa.array([0, 2], pa.int32()).buffers()[1], pa.py_buffer(b"\xff\xfe")]
    )
    pq.write_table(pa.table({"time": [1_795_168_800], "source": damaged, "value": [1.0]}), tmp_path / "a.parquet")
    fault = fault_of(tmp_path / "a.parquet")
    assert fault.reason in {"UNREADABLE_COLUMN", "UNUSABLE_COLUMN"}
    assert "source" in fault.message
    assert "string" in fault.message


@pytest.mark.parametrize("seed", range(0, 400, 40))
def test_nonsense_is_read_or_refused(tmp_path: Path, seed: int) -> None:
    """Whatever a file holds, it becomes events that ingest-api takes, or a fault of a few lines."""
    for number in range(seed, seed + 40):
        suffix, content = nonsense_file(random.Random(number))
        path = write(tmp_path, f"a{suffix}", content)
        try:
            source = open_replay(str(path), "")
        except SourceFault:
            fault_of(path)
            continue
        columns = source.take(np.zeros(len(source), np.int64))
        assert all(0 < len(name.encode()) <= 256 and name.isprintable() for name in (*columns.sources, *columns.kinds))
        assert all(row.reason.isprintable() for row in source.skipped)
        assert source.description.isprintable()
