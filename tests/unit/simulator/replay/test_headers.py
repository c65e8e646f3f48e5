"""Rows are read below the header that stands before them, wherever and however often it stands."""

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.simulator.sources.replay import open_replay
from tests.unit.simulator.replay.files import Event, events_in, events_of, fault_of, write

AT: Final = "2026-11-20T10:00:00Z"
TEN: Final = "2026-11-20 10:00:00"
NAMES: Final = ("time", "a", "b", "c")


@given(st.lists(st.permutations(NAMES), min_size=1, max_size=5), st.sampled_from(",;\t|"), st.booleans())
def test_a_header_in_another_order_moves_no_number(
    orders: list[list[str]],
    separator: str,
    marked: bool,  # noqa: FBT001
) -> None:
    """Concatenated files give the events of each of them."""
    lines, expected = [], []
    for number, order in enumerate(orders):
        row = {
            "time": f"2026-11-20T10:00:0{number}Z",
            "a": str(number),
            "b": str(number + 0.25),
            "c": str(number + 0.5),
        }
        lines += [("# " if marked else "") + separator.join(order), separator.join(row[name] for name in order)]
        expected += [(name, float(row[name])) for name in "abc"]
    with TemporaryDirectory() as folder:
        events = events_in(write(Path(folder), "a.csv", "\n".join([*lines, ""])))
    assert sorted((event.kind, event.value) for event in events) == sorted(expected)


HEADERS: Final = {
    "repeated": (f"time,a\n{AT},1\ntime,a\n{AT},2\n", [("a", 1), ("a", 2)]),
    "fewer": (f"time,a,b\n{AT},1,2\ntime,b\n{AT},3\n", [("a", 1), ("b", 2), ("b", 3)]),
    "more": (f"time,a\n{AT},1\ntime,a,b\n{AT},2,3\n", [("a", 1), ("a", 2), ("b", 3)]),
    "another reading": (f"time,temp\n{AT},1\ntime,hum\n{AT},40\n", [("temp", 1), ("hum", 40)]),
    "blank lines": (f"\n\ntime,a\n\n{AT},1\n\n", [("a", 1)]),
    "comments": (f"# made by x\n#\ntime,a\n{AT},1\n", [("a", 1)]),
    "header in a comment": (f"# time,a\n{AT},1\n", [("a", 1)]),
    "separator of Excel": (f"SEP=;\ntime;a\n{AT};1\n", [("a", 1)]),
    "quoted separator of Excel": (f'"sep=\t"\ntime\ta\n{AT}\t1\n', [("a", 1)]),
    "separators in quotes": (f'time;"a,b,c"\n{AT};1\n', [("a,b,c", 1)]),
    "separators in units": (f"time;temp, C;hum, %\n{AT};1;2\n", [("temp, C", 1), ("hum, %", 2)]),
    "years": (f"time,2025,2026\n{AT},1,2\n", [("2025", 1), ("2026", 2)]),
    "dates": (f"time,2026-01-01,2026-01-02\n{AT},1,2\n", [("2026-01-01", 1), ("2026-01-02", 2)]),
    "label like a name": (f"time,host,a\n{AT},a,1\n{AT},host,2\n{AT},time,3\n", [("a", 1), ("a", 2), ("a", 3)]),
    "label like a comment": (f"host,time,a\n#1,{AT},1\n#2,{AT},2\n", [("a", 1), ("a", 2)]),
    "no column of one name": (f"Unnamed: 0,time,a\n0,{AT},1\nUnnamed: 0,time,a\n0,{AT},2\n", [("a", 1), ("a", 2)]),
}


@pytest.mark.parametrize("name", HEADERS)
def test_a_header_is_found(tmp_path: Path, name: str) -> None:
    """The readings keep their names; no row is lost, no header is a row."""
    content, expected = HEADERS[name]
    source = open_replay(str(write(tmp_path, "a.csv", content)), "")
    assert [(event.kind, event.value) for event in events_of(source)] == expected
    assert source.skipped_rows == 0


def test_what_was_skipped_around_headers_is_told(tmp_path: Path) -> None:
    """Comments before the header, and the number of headers."""
    path = write(tmp_path, "a.csv", f"# made by x\ntime,a\n{AT},1\ntime,a\n{AT},2\n")
    notes = open_replay(str(path), "").notes
    assert "skipped before the header: 1 comment" in notes
    assert "2 headers: each row was read below the header before it" in notes


@pytest.mark.parametrize(
    ("content", "reason", "words"),
    [
        ("time temp\n1795168800 1\n", "NO_SEPARATOR", 'its first row "time temp"'),
        (f"Export of today\n\ntime,temp\n{AT},1\n", "NO_SEPARATOR", 'its first row "Export of today"'),
        ("# only\n# comments\n", "NO_ROWS", "holds no rows"),
        (f"time,a,a\n{AT},1,2\n", "DUPLICATE_COLUMNS", "'a'"),
        (f"time,a\n{AT},1\ntime,a,a\n{AT},1,2\n", "DUPLICATE_COLUMNS", "'a'"),
        (f"time,a,\n{AT},1\n{AT},2\n", "NO_ROWS", "2 rows were skipped; the first: line 2: 2 fields, the header has 3"),
        (f"time,a\n{AT},1,\n", "NO_ROWS", "1 row was skipped; the first: line 2: 3 fields, the header has 2"),
        (f"# x\n\ntime,a\n{AT}\n", "NO_ROWS", "the first: line 4: 1 field, the header has 2"),
        (f"{AT},kitchen,1\n", "NO_HEADER", f"{AT}, kitchen, 1"),
        ("1795168800,1\n1795168801,2\n", "NO_HEADER", "1795168800, 1"),
        ("time,\x00\n1795168800,1\n", "BAD_FILE_ENCODING", "is not text"),
    ],
)
def test_a_header_that_is_none_is_told(tmp_path: Path, content: str, reason: str, words: str) -> None:
    """With the line and what it holds."""
    fault = fault_of(write(tmp_path, "a.csv", content))
    assert fault.reason == reason
    assert words in fault.message


def test_lines_are_those_of_the_file(tmp_path: Path) -> None:
    """Comments, blank lines and lines within quotes count."""
    path = write(tmp_path, "a.csv", f'# x\n\ntime,note,a\n{AT},"two\nlines",1\n{AT},x\n{AT},y,?\n{AT},z,2\n')
    source = open_replay(str(path), "source=")
    assert [row.line for row in source.skipped] == [6, 7]
    assert events_of(source) == [Event("a", "a", TEN, 1), Event("a", "a", TEN, 2)]
