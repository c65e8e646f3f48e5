"""Makes the files that are too long to be kept, or that a version control system would change."""

import gzip
from collections.abc import Callable, Iterator
from typing import Final

THREE_ZONES: Final = "time,temp\n2026-11-20T10:00:00Z,1\n2026-11-20T10:00:01+01:00,2\n2026-11-20T10:00:02,3\n"
TWO_ROWS: Final = "time,temp\r\n2026-11-20T10:00:00Z,1\r\n2026-11-20T10:00:01Z,2\r\n"
INFLUX_HEADER: Final = ",result,table,_start,_stop,_time,_value,_field,_measurement,host\n"
ROW: Final = '{"time":"2026-11-20T10:00:01Z","temp":1}\n'


def clock(seconds: int) -> str:
    """Return the seconds after 10 o'clock as a time of day.

    >>> clock(75)
    '10:01:15'
    """
    return f"{10 + seconds // 3_600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}"


def pandas_index(rows: int) -> str:
    """Return a table with an unnamed column of row numbers."""
    cells = (f"{row},2026-11-20T{clock(row)}Z,rack-{'ab'[row % 2]},{20 + row % 7}\n" for row in range(rows))
    return ",time,host,temp\n" + "".join(cells)


def influx(rows: int) -> Iterator[str]:
    """Yield the rows of two series."""
    for table, (field, base) in enumerate((("usage_user", 10), ("usage_system", 20))):
        for row in range(rows):
            seconds = 10 * row
            time = f"{seconds // 3_600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}"
            window = "2026-11-20T00:00:00Z,2026-11-20T03:00:00Z"
            yield f",_result,{table},{window},2026-11-20T{time}Z,{base + row % 5},{field},cpu,rack-a\n"


GENERATED: Final[dict[str, Callable[[], str | bytes]]] = {
    "bom_crlf.csv": lambda: f"\ufeff{TWO_ROWS}",
    "deep.jsonl": lambda: '{"time":"2026-11-20T10:00:00Z","temp":1,"x":' + "[" * 100_000 + "]" * 100_000 + "}\n" + ROW,
    "gzip_as_advised.csv": lambda: gzip.compress(THREE_ZONES.encode()).decode("latin-1"),
    "gzip_named.csv": lambda: gzip.compress(THREE_ZONES.encode()),
    "influx_raw_2000.csv": lambda: INFLUX_HEADER + "".join(influx(1_000)),
    "latin1.csv": lambda: "time,Temp °C\n2026-11-20T10:00:00Z,1\n".encode("latin-1"),
    "long_int.jsonl": lambda: '{"time":"2026-11-20T10:00:00Z","temp":1,"x":' + "9" * 5_000 + "}\n" + ROW,
    "pandas_index_host_1200.csv": lambda: pandas_index(1_200),
    "pandas_index_host_2000.csv": lambda: pandas_index(2_000),
    "tiny_values_2000.csv": lambda: (
        "time,offset_s\n" + "".join(f"2026-11-20T{clock(row)}Z,0.00000032\n" for row in range(2_000))
    ),
    "utf16.csv": lambda: TWO_ROWS.encode("utf-16"),
    "utf16_as_advised.csv": lambda: TWO_ROWS.encode("utf-16").decode("latin-1"),
}
"""Name → contents."""
