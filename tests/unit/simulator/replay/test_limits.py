"""A small file that becomes a large table is refused before it fills the memory or the time."""

import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Final

import numpy as np
import psutil
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from services.simulator.recognition.file_events import read_events
from services.simulator.source import SourceFault
from services.simulator.tables import read_table
from services.simulator.tables.free_memory import free_bytes
from services.simulator.tables.limits import CELL_BYTES, MAX_BYTES, MAX_CELLS, MAX_COLUMNS, VALUE_BYTES, Budget
from tests.unit.simulator.replay.files import events_in, fault_of, write

LARGEST_BOMB: Final = 4 << 20
"""Bytes of a file in this module: less than a hundredth of what they become."""
TIME: Final = 1_795_168_800


def repeated_rows(path: Path) -> None:
    """Write 24 million rows that are all the same."""
    table = pa.table({"time": np.full(1_000_000, TIME), "x": np.zeros(1_000_000)})
    with pq.ParquetWriter(path, table.schema, compression="zstd") as writer:
        for _ in range(24):
            writer.write_table(table)


def repeated_text(path: Path) -> None:
    """Write a text of a million characters that stands in every row, once in the file's dictionary."""
    rows = MAX_BYTES // 10**6 + 1
    text = pa.DictionaryArray.from_arrays(pa.array(np.zeros(rows, np.int32)), pa.array(["x" * 10**6]))
    pq.write_table(pa.table({"time": np.arange(rows) + TIME, "host": text, "x": np.zeros(rows)}), path)


def repeated_plain_text(path: Path) -> None:
    """Write the same text without a dictionary, packed."""
    table = pa.table({"time": [TIME] * 30, "host": ["x" * 10**6] * 30, "x": [0.0] * 30})
    with pq.ParquetWriter(path, table.schema, compression="zstd", use_dictionary=False) as writer:
        for _ in range(MAX_BYTES // (30 * 10**6) + 1):
            writer.write_table(table)


def many_columns(path: Path) -> None:
    """Write a header of 100,000 names, and a row."""
    names = ",".join(f"c{number}" for number in range(100_000))
    path.write_text(f"time,{names}\n{TIME}{',1' * 100_000}\n")


def many_columns_of_parquet(path: Path) -> None:
    """Write a table of more columns than a run has series."""
    pq.write_table(pa.table({f"c{number}": [TIME] for number in range(MAX_COLUMNS + 1)}), path)


def many_keys(path: Path) -> None:
    """Write lines that each have a key of their own: a table of lines times lines."""
    path.write_text("".join(json.dumps({"time": TIME + row, f"key {row}": row}) + "\n" for row in range(20_000)))


def many_cells(path: Path) -> None:
    """Write a thousand empty cells a row."""
    path.write_text("time," + ",".join(f"c{number}" for number in range(999)) + "\n" + ("," * 999 + "\n") * 20_001)


def packed_rows(path: Path) -> None:
    """Write the same packed rows again and again, until they are more than a file may have once it is unpacked."""
    rows = (b"x" * 2**20 + b"\n") * 32
    packed = gzip.compress(rows, compresslevel=1)
    path.write_bytes(gzip.compress(b"time,x\n") + packed * (MAX_BYTES // len(rows) + 1))


def packed_line(path: Path) -> None:
    """Write a line without an end."""
    path.write_bytes(gzip.compress(b'{"time":' + b" " * (65 << 20), compresslevel=1))


BOMBS: Final[dict[str, tuple[Callable[[Path], None], str, str]]] = {
    "rows.parquet": (repeated_rows, "TOO_MANY_CELLS", "cells, "),
    "text.parquet": (repeated_text, "FILE_TOO_LARGE", "more than 512 MiB"),
    "plain.parquet": (repeated_plain_text, "FILE_TOO_LARGE", "more than 512 MiB"),
    "columns.csv": (many_columns, "TOO_MANY_COLUMNS", "100,001 columns, limit 10,000"),
    "columns.parquet": (many_columns_of_parquet, "TOO_MANY_COLUMNS", "10,001 columns, limit 10,000"),
    "keys.jsonl": (many_keys, "TOO_MANY_CELLS", "cells, "),
    "cells.csv": (many_cells, "TOO_MANY_CELLS", "cells, "),
    "rows.csv.gz": (packed_rows, "FILE_TOO_LARGE", "more than 512 MiB"),
    "line.jsonl": (packed_line, "LINE_TOO_LONG", "64 Mi characters"),
}


@pytest.mark.parametrize("name", BOMBS)
def test_a_bomb_is_refused_with_its_size(tmp_path: Path, name: str) -> None:
    """The message gives the limit, and what to do."""
    make, reason, words = BOMBS[name]
    make(tmp_path / name)
    assert (tmp_path / name).stat().st_size < 6 * LARGEST_BOMB
    fault = fault_of(tmp_path / name)
    assert fault.reason == reason
    assert words in fault.message


def test_a_nested_column_is_not_unpacked(tmp_path: Path) -> None:
    """It has no use, whatever its size; the columns beside it are read."""
    size = MAX_CELLS + 1
    numbers = pa.ListArray.from_arrays(pa.array([0, size], pa.int32()), pa.array(np.zeros(size, np.int8)))
    pq.write_table(pa.table({"time": [TIME], "all": numbers, "x": [1.0]}), tmp_path / "a.parquet")
    assert [event.value for event in events_in(tmp_path / "a.parquet")] == [1]


def test_a_table_that_the_free_memory_does_not_hold_is_refused(tmp_path: Path) -> None:
    """A small board, or a container with a limit, holds less than the largest table."""
    path = write(tmp_path, "a.csv", "time,x\n" + f"{TIME},1\n" * 100)
    assert len(read_table(path, Budget(path, memory_bytes=200 * CELL_BYTES))) == 100
    with pytest.raises(SourceFault, match="200 cells, the memory that is free holds 199"):
        read_table(path, Budget(path, memory_bytes=200 * CELL_BYTES - 1))


def test_values_that_the_free_memory_does_not_hold_are_refused(tmp_path: Path) -> None:
    """To bring a value into order takes more than to read its cell."""
    path = write(tmp_path, "a.csv", "time,a,b,c\n" + f"{TIME},1,2,3\n" * 100)
    assert len(read_events(path, "", Budget(path, memory_bytes=300 * VALUE_BYTES)).events) == 300
    with pytest.raises(SourceFault, match="300 values, the memory that is free holds 299"):
        read_events(path, "", Budget(path, memory_bytes=300 * VALUE_BYTES - 1))


@pytest.mark.parametrize("name", ["memory.max", "memory/memory.limit_in_bytes"])
def test_a_container_has_no_more_memory_than_its_limit(tmp_path: Path, name: str) -> None:
    """In both versions of cgroups; without a limit it has the memory of the machine."""
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).write_text("max\n")
    assert free_bytes(tmp_path) > 0
    taken = psutil.Process().memory_info().rss
    (tmp_path / name).write_text(f"{taken + 1}\n")
    assert free_bytes(tmp_path) < 64 << 20
    (tmp_path / name).write_text("1\n")
    assert free_bytes(tmp_path) == 0


@pytest.mark.parametrize("name", ["a.csv", "a.jsonl", "a.csv.gz"])
def test_reading_ends_when_its_time_is_over(tmp_path: Path, name: str) -> None:
    """The message says how long it took."""
    text = f"time,x\n{TIME},1\n" if ".csv" in name else f'{{"time":{TIME},"x":1}}\n'
    path = write(tmp_path, name, gzip.compress(text.encode()) if name.endswith(".gz") else text)
    with pytest.raises(SourceFault, match="reading takes more than 0 s") as refused:
        read_table(path, Budget(path, seconds=0))
    assert refused.value.reason == "FILE_TOO_SLOW"


@pytest.mark.parametrize(
    "cell",
    [
        "1e999999999",
        "9" * 100_000,
        " " * 100_000 + "x",
        "2026-11-20" + " " * 100_000 + "Z",
        "-" * 100_000,
        "1," * 50_000,
    ],
)
def test_a_cell_cannot_hold_reading_up(tmp_path: Path, cell: str) -> None:
    """Long cells cost what their length costs; the test has a time limit like every other."""
    good = "2026-11-20T10:00:00Z"
    rows = f'"{cell}",1\n' * 8 + f"{good},{'9' * 100_000}\n" * 8
    path = write(tmp_path, "a.csv", f"time,x\n{rows}{good},2\n")
    assert [event.value for event in events_in(path, "time=time,value=x")] == [2]


def test_a_wide_table_is_read_in_little_memory_at_once(tmp_path: Path) -> None:
    """A thousand columns are a table like any other."""
    names = [f"c{number}" for number in range(1_000)]
    path = write(tmp_path, "a.csv", f"time,{','.join(names)}\n" + f"{TIME}{',1' * 1_000}\n" * 600)
    assert len(events_in(path)) == 600_000
