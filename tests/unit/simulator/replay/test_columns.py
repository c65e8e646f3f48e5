"""A file whose columns cannot be told is refused with the `columns=` that would tell them."""

from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.simulator.sources.replay import open_replay
from tests.unit.simulator.replay.files import events_in, fault_of, write

AT: Final = "2026-11-20T10:00:00Z"
TOLD: Final = {
    "room": (f"time,room,temp\n{AT},kitchen,20\n{AT},garage,10\n", "MERGED_SERIES", ["kitchen", "garage"]),
    "number": (f"time,sensor_no,temp\n{AT},1,20\n{AT},2,10\n", "MERGED_SERIES", ["1", "2"]),
    "two labels": (
        f"time,room,shelf,temp\n{AT},k,a,20\n{AT},k,b,10\n{AT},g,a,5\n", "MERGED_SERIES", ["k a", "k b", "g a"],
    ),
    "beside a source": (f"time,host,disk,free\n{AT},a,sda,20\n{AT},a,sdb,10\n", "MERGED_SERIES", ["a sda", "a sdb"]),
    "long": (f"time,metric,value,disk\n{AT},free,20,sda\n{AT},free,10,sdb\n", "MERGED_SERIES", ["sda", "sdb"]),
    "kinds without a value": (f"time,metric,avg,max\n{AT},cpu,1,2\n{AT},mem,3,4\n", "MERGED_SERIES", ["cpu", "mem"]),
    "JSON lines": (
        "".join(f'{{"time":"{AT}","tag":{{"room":"{room}"}},"t":1}}\n' for room in "kg"), "MERGED_SERIES", ["k", "g"],
    ),
    "no header": (f"{AT},1,7\n{AT},2,8\n", "NO_HEADER", ["told"]),
    "two times": (f"start,end,x\n{AT},2026-11-20T10:01:00Z,1\n", "SEVERAL_TIME_COLUMNS", ["told"]),
    "date and moment": ("date,created,x\n2026-11-20,2026-11-20T10:01:00Z,1\n", "SEVERAL_TIME_COLUMNS", ["told"]),
    "kind of the caller": (f"time,what,avg,max\n{AT},cpu,1,2\n", "SEVERAL_VALUE_COLUMNS", ["told"]),
}  # fmt: skip
"""What the columns leave open → contents, reason of the fault, the sources once the advice is followed."""
SAID: Final = {"kind of the caller": "kind=what"}


@pytest.mark.parametrize("name", TOLD)
def test_the_advice_of_a_fault_reads_the_file(tmp_path: Path, name: str) -> None:
    """What the message proposes can be pasted; it adds to what the caller says already."""
    content, reason, sources = TOLD[name]
    path = write(tmp_path, "told.jsonl" if content.startswith("{") else "told.csv", content)
    fault = fault_of(path, SAID.get(name, ""))
    assert fault.reason == reason
    columns = ",".join(filter(None, (SAID.get(name), fault.advice)))
    assert list(dict.fromkeys(event.source for event in events_in(path, columns))) == sources


def test_series_are_merged_where_the_caller_says_so(tmp_path: Path) -> None:
    """The second advice: the column is no label, such as a remark."""
    path = write(tmp_path, "a.csv", TOLD["room"][0])
    assert 'or merge them: columns="source="' in fault_of(path).message
    assert [event.source for event in events_in(path, "source=")] == ["a", "a"]


@pytest.mark.parametrize(
    "content",
    [
        f"time,room,temp\n{AT},kitchen,20\n2026-11-20T10:00:01Z,garage,10\n",
        f"time,temp\n{AT},20\n{AT},20\n",
        f"time,note,temp\n{AT},dry,20\n{AT},dry,10\n",
        f"time,note,a,b\n{AT},dry,20,\n{AT},wet,,10\n",
        f"time,year,a\n{AT},2026,20\n{AT},2027,10\n",
    ],
    ids=["no repetition", "no other column", "the same text", "other kinds", "calendar"],
)
def test_rows_that_merge_no_series_are_read(tmp_path: Path, content: str) -> None:
    """A text without a role matters only where it tells events of the same series and time apart."""
    assert len(events_in(write(tmp_path, "a.csv", content))) == 2


@given(st.lists(st.sampled_from("abc"), min_size=2, max_size=12), st.data())
def test_no_series_are_merged_in_silence(labels: list[str], data: st.DataObject) -> None:
    """Either every (time, label) stays apart, or the file is refused."""
    seconds = [data.draw(st.integers(0, 3)) for _ in labels]
    pairs = list(zip(seconds, labels, strict=True))
    rows = [f"2026-11-20T10:00:0{second}Z,{label},1" for second, label in pairs]
    merges = len(set(seconds)) < len(set(pairs))
    with TemporaryDirectory() as folder:
        path = write(Path(folder), "a.csv", "\n".join(["time,shelf,x", *rows, ""]))
        if merges:
            assert fault_of(path).reason == "MERGED_SERIES"
        else:
            assert len(events_in(path)) == len(rows)


OPTIONS: Final[dict[str, tuple[str, Sequence[float]]]] = {
    'time=Time,"value=load {a=1,b=2}"': ("Time;load {a=1,b=2};x\n%s;1;2\n", [1]),
    'value="load {a=1,b=2}"': ("Time;load {a=1,b=2};x\n%s;1;2\n", [1]),
    "value=a+b": ("time,a,b,c\n%s,1,2,3\n", [1, 2]),
    "value=a+b ": ("time,a+b,c\n%s,1,2\n", [1]),
    "value=x=1": ("time,x=1,c\n%s,1,2\n", [1]),
    " time = time , value = c ": ("time,b,c\n%s,1,2\n", [2]),
    "value=column_2": ("time,\n%s,1\n", [1]),
    "time=column_1": (",x\n%s,1\n", [1]),
    "kind=,value=v": ("time,kind,v\n%s,k,1\n", [1]),
    "kind=k+q,value=v": ("time,k,q,v\n%s,a,b,1\n", [1]),
}
"""What the caller says → contents, the values that are read."""


@pytest.mark.parametrize("columns", OPTIONS)
def test_every_column_can_be_said(tmp_path: Path, columns: str) -> None:
    """Names with commas stand in quotes, columns are joined by `+`, a column without a name has its number."""
    content, values = OPTIONS[columns]
    assert [event.value for event in events_in(write(tmp_path, "a.csv", content % AT), columns)] == values


def test_joined_columns_make_a_name(tmp_path: Path) -> None:
    """With a space between their texts; empty texts leave nothing."""
    path = write(tmp_path, "a.csv", f"time,a,b,v\n{AT},x,y,1\n{AT},,y,2\n{AT},x,,3\n{AT},,,4\n")
    source = open_replay(str(path), "source=a+b,value=v")
    assert source.skipped_rows == 1
    assert [event.source for event in events_in(path, "source=a+b,value=v")] == ["x y", "y", "x"]


@pytest.mark.parametrize(
    ("columns", "words"),
    [
        ("when=time", '"when=time" is not one of time=…, source=…, kind=…, value=…, unit=…, decimal=…'),
        ("time", '"time" is not one of'),
        ("time=when", 'no column "when"; it has: time, a'),
        ("time=time+when", 'no column "when"'),
        ("time=", 'no column ""'),
        ("value=a,value=time", '"value" is given twice'),
        ("unit=h", "unit=h is not one of s, ms, us, ns, date, excel"),
        ("decimal=.", "decimal=. is not one of point, comma"),
    ],
)
def test_what_cannot_be_said_is_refused(tmp_path: Path, columns: str, words: str) -> None:
    """The message names what is possible."""
    fault = fault_of(write(tmp_path, "a.csv", f"time,a\n{AT},1\n"), columns)
    assert fault.reason == "BAD_COLUMNS"
    assert words in fault.message


@pytest.mark.parametrize("name", ["x" * 257, "é" * 129, "a\nb", "a\u200bb"])
def test_a_kind_that_cannot_be_a_name_is_refused_before_the_load(tmp_path: Path, name: str) -> None:
    """Longer than 256 bytes, or not printable; the other columns can be chosen."""
    path = write(tmp_path, "a.csv", f'time,"{name}",b\n{AT},1,2\n')
    fault = fault_of(path)
    assert fault.reason == "BAD_COLUMN_NAME"
    assert "column 2" in fault.message
    assert [event.value for event in events_in(path, "value=b")] == [2]


@pytest.mark.parametrize("index", ["", "Unnamed: 0", "__index_level_0__", "level_0"])
def test_numbers_of_rows_are_no_readings(tmp_path: Path, index: str) -> None:
    """Data frames write them in front, with these names."""
    path = write(tmp_path, "a.csv", f"{index},time,x\n0,{AT},7\n")
    assert [(event.kind, event.value) for event in events_in(path)] == [("x", 7)]
