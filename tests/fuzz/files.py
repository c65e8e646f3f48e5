"""Makes files of nonsense to replay: tables that are cut, changed, or full of values that are none."""

import io
import json
import random
from collections.abc import Callable
from typing import Final

import pyarrow as pa
import pyarrow.parquet as pq

from tests.fuzz.messages import SPOILERS

CELLS: Final = (
    "", "0", "1.5", "-1e308", "1e999", "nan", "inf", "null", "true", "x", "é" * 200, "\0", '"', "'", "\u2028",
    "2026-01-01T00:00:00Z", "2026-01-01 00:00:00", "1700000000", "1700000000000000000", "9" * 30,
    "-9223372036854775809", "0001-01-01", "9999-12-31T23:59:59", "1969-12-31T23:59:59-14:00", "1,5", "1;5",
    "[" * 2_000, "{}", "=1+1",
)  # fmt: skip
NAMES: Final = ("time", "ts", "source", "host", "kind", "metric", "value", "v", "a", "", "time", "é", "x" * 300)
LINES: Final = ("[]", "{", "1", '{"time": 1e400}', '{"a":' * 500, '{"time": ' + "9" * 5_000 + "}")
SEPARATORS: Final = (",", ";", "\t", "|", " ")
ENDS: Final = ("\n", "\r\n", "\r", "")
MARKS: Final = (b"", b"\xef\xbb\xbf", b"\xff\xfe")


def nonsense_file(draw: random.Random) -> tuple[str, bytes]:
    """Return suffix and contents of a file."""
    suffix, make = draw.choice(MAKERS)
    content = make(draw)
    return suffix, content if draw.random() < 0.4 else draw.choice(SPOILERS)(draw, content)


def _table(draw: random.Random) -> tuple[list[str], list[list[str]]]:
    names = [draw.choice(NAMES) for _ in range(draw.randrange(1, 6))]
    if draw.random() < 0.6:
        names = ["time", "source", "kind", "value"]
    rows = [[draw.choice(CELLS) for _ in names] for _ in range(draw.randrange(12))]
    if draw.random() < 0.6:
        rows += [[f"2026-01-01T00:00:{second:02d}Z", "pi", "temp", str(second)][: len(names)] for second in range(4)]
    return names, rows


def _csv(draw: random.Random) -> bytes:
    names, rows = _table(draw)
    separator, end = draw.choice(SEPARATORS), draw.choice(ENDS)
    text = end.join(separator.join(row) for row in [names, *rows])
    return draw.choice(MARKS) + text.encode(draw.choice(("utf-8", "utf-8", "utf-16", "latin-1")), errors="replace")


def _json_lines(draw: random.Random) -> bytes:
    names, rows = _table(draw)
    lines = [json.dumps(dict(zip(names, map(_json_cell, row), strict=False))) for row in rows]
    lines += draw.choice(
        ([], ["[]"], ["{"], ['{"time": 1e400}'], ['{"a":' * 500], ["1"], ['{"time": ' + "9" * 5_000 + "}"])
    )
    draw.shuffle(lines)
    return "\n".join(lines).encode()


def _json_cell(text: str) -> object:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text


def _parquet(draw: random.Random) -> bytes:
    names, rows = _table(draw)
    columns = [[row[at] if at < len(row) else None for row in rows] for at in range(len(names))]
    buffer = io.BytesIO()
    pq.write_table(pa.table([pa.array(column, pa.string()) for column in columns], names=names), buffer)
    return buffer.getvalue()


MAKERS: Final[tuple[tuple[str, Callable[[random.Random], bytes]], ...]] = (
    (".csv", _csv), (".tsv", _csv), (".jsonl", _json_lines), (".json", _json_lines), (".parquet", _parquet),
)  # fmt: skip
