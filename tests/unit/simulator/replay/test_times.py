"""Times in files are exact whatever their form, and an odd row moves no other row."""

from datetime import UTC, datetime, timedelta
from datetime import time as clock
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.contracts.limits import MAX_TIME_NS, MIN_TIME_NS
from services.simulator.recognition.times import parse, times_of
from services.simulator.tables.limits import Budget
from tests.unit.simulator.replay.files import SECOND, events_in, fault_of, moment, write

HERE: Final = Path("x.csv")
DAY: Final = "2026-11-20"
CLOCKS: Final = st.integers(10**8, MAX_TIME_NS // SECOND - 1)
"""Seconds since 1970 of a clock: from 1973 on."""
UNITS: Final = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}


def read(*texts: object) -> list[int | None]:
    """Return the times in a column, None where a row has none."""
    times = times_of(pa.array([str(text) for text in texts]), "time", "", path=HERE, budget=Budget(HERE))
    return [int(nanos) if usable else None for nanos, usable in zip(times.nanos, times.usable, strict=True)]


@given(st.integers(MIN_TIME_NS, MAX_TIME_NS - 1), st.integers(-14 * 60, 14 * 60))
def test_every_instant_survives_every_form(nanos: int, offset: int) -> None:
    """ISO 8601 with `T`, space or slashes, without leading zeros or separators, in any zone, with nine decimals."""
    there = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=nanos // SECOND, minutes=offset)
    part, sign = nanos % SECOND, "+-"[offset < 0]
    zone = f"{sign}{abs(offset) // 60:02d}:{abs(offset) % 60:02d}"
    day = f"{there.year}-{there.month:02d}-{there.day:02d}"
    short = f"{there.year}/{there.month}/{there.day}"
    forms = [
        f"{day}T{there:%H:%M:%S}.{part:09d}{zone}",
        f"{day} {there:%H:%M:%S},{part:09d}{zone.replace(':', '')}",
        f"{short} {there.hour}:{there:%M:%S}.{part:09d} {zone}",
        f"{day.replace('-', '')}T{there:%H%M%S}.{part:09d}{zone}",
    ]
    for form in forms:
        assert read(form) == [nanos], form


@given(
    st.lists(st.integers(MIN_TIME_NS, MAX_TIME_NS - 1), min_size=1), st.sampled_from("T "), st.sampled_from(["", "Z"])
)
def test_usual_texts_are_read_like_any_others(instants: list[int], mark: str, zone: str) -> None:
    """A column of usual texts is read at once, and a column with an odd text row by row; both give the same times."""
    texts = [moment(nanos).replace(" ", mark) + zone for nanos in instants]
    assert read(*texts) == instants
    assert read(*texts, "yesterday") == [*instants, None]
    assert [parse(text)[0] for text in texts] == instants


@pytest.mark.parametrize(
    "text",
    [
        "2026-11-20T10:00:61Z", "2026-11-20T10:60:00Z", "2026-11-20T24:00:01Z", "2026-02-30", "2026-13-01",
        "2026-11-20T10:00:00+24:00", "2026-11-20T10:00:00+01:60", "2026-11-20T10:00:00 CET", "11/20/2026", "20.11.2026",
        "2026-11/20", "2026-11-20T10:00:00.1234567890Z", "10:00", "2026-11-20" + " " * 100_000 + "x", "１０",
    ],
)  # fmt: skip
def test_what_is_no_time_is_told(text: str) -> None:
    """Neither the other rows nor the time of the test run depend on it."""
    assert read(text, f"{DAY}T10:00:00Z") == [None, 1_795_168_800 * SECOND]


@given(st.lists(CLOCKS, min_size=3), st.sampled_from(sorted(UNITS)), st.data())
def test_an_odd_row_moves_no_other_row(seconds: list[int], unit: str, data: st.DataObject) -> None:
    """A row in another unit is read in its own. A row that no unit fits is skipped."""
    rows = [second * UNITS[unit] for second in seconds]
    other = data.draw(st.sampled_from(sorted(UNITS)))
    at = data.draw(st.integers(0, len(rows)))
    expected = [second * SECOND for second in seconds]
    for odd, meant in (
        (seconds[0] * UNITS[other], expected[0]),
        (0, None),
        (-1, None),
        ("9" * 30, None),
        ("1e999", None),
    ):
        odd_rows = [*rows[:at], odd, *rows[at:]]
        assert read(*odd_rows) == [*expected[:at], meant, *expected[at:]], odd


@given(CLOCKS, st.integers(0, SECOND - 1))
def test_decimals_of_epoch_numbers_are_kept(seconds: int, part: int) -> None:
    """A double has six digits fewer than nanoseconds have."""
    nanos = seconds * SECOND + part
    assert read(f"{seconds}.{part:09d}", f"{seconds},{part:09d}", nanos // 1_000) == [
        nanos,
        nanos,
        nanos // 1_000 * 1_000,
    ]


@given(st.lists(st.datetimes(datetime(1900, 1, 1), datetime(2199, 12, 31, 23, 59, 59)), min_size=1))  # noqa: DTZ001
def test_dates_without_separators_are_dates(moments: list[datetime]) -> None:
    """Day, hour, minute or second: YYYYMMDD, and two digits for each part."""
    for layout, part in (("%m%d", 86_400), ("%m%d%H", 3_600), ("%m%d%H%M", 60), ("%m%d%H%M%S", 1)):
        seconds = [
            (moment.replace(tzinfo=UTC) - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(seconds=1)
            for moment in moments
        ]
        texts = [f"{moment.year}{moment:{layout}}" for moment in moments]
        assert read(*texts) == [second // part * part * SECOND for second in seconds]


def test_epoch_seconds_of_our_time_are_no_dates() -> None:
    """2026112000 is an hour of 2026 and a second of 2034; 1763632800 is a second only."""
    assert read(*range(1_763_632_800, 1_763_632_900)) == [
        second * SECOND for second in range(1_763_632_800, 1_763_632_900)
    ]


TYPED: Final[dict[str, tuple[dict[str, Any], str]]] = {
    "timestamp[s]": ({"time": pa.array([1_795_168_800], pa.timestamp("s"))}, "2026-11-20 10:00:00"),
    "timestamp[ns, zone]": ({"time": pa.array([1], pa.timestamp("ns", "Asia/Tokyo"))}, "1970-01-01 00:00:00.000000001"),
    "uint64 ns": ({"time": pa.array([1_795_168_800_000_000_001], pa.uint64())}, "2026-11-20 10:00:00.000000001"),
    "double s": ({"time": pa.array([1_795_168_800.123456])}, "2026-11-20 10:00:00.123456000"),
    "int32 date": ({"date": pa.array([20_261_120], pa.int32())}, "2026-11-20 00:00:00"),
    "double date": ({"date": pa.array([20_261_120.0])}, "2026-11-20 00:00:00"),
    "date and time": (
        {"date": pa.array([20_777], pa.date32()), "time": pa.array([clock(10, 0, 0, 5)], pa.time64("us"))},
        "2026-11-20 10:00:00.000005000",
    ),
    "midnight and hour": (
        {"date": pa.array([1_795_132_800], pa.timestamp("s")), "hour": pa.array([10])}, "2026-11-20 10:00:00",
    ),
    "midnight": ({"date": pa.array([1_795_132_800], pa.timestamp("s", "UTC"))}, "2026-11-20 00:00:00"),
    "dictionary": ({"time": pa.array([f"{DAY}T10:00:00Z"]).dictionary_encode()}, "2026-11-20 10:00:00"),
}  # fmt: skip


@pytest.mark.parametrize("name", TYPED)
def test_typed_times_are_read_by_their_type(tmp_path: Path, name: str) -> None:
    """Parquet tells what a column is; where it does not, the numbers do."""
    columns, expected = TYPED[name]
    pq.write_table(pa.table(columns | {"temp": [1.0]}), tmp_path / "a.parquet")
    assert [event.time for event in events_in(tmp_path / "a.parquet")] == [expected]


JOINED: Final = {
    "date and time": ("Date,Time,w\n2026-11-20,10:05:30,1\n", "", "10:05:30"),
    "any names": ("tag;uhr;w\n2026-11-20;10:05;1\n", "", "10:05:00"),
    "compact date": ("date,time,w\n20261120,10:05,1\n", "", "10:05:00"),
    "date and hour": ("dteday,hr,w\n2026-11-20,10,1\n", "", "10:00:00"),
    "hour and minute": ("Date;Hour;Minute;w\n2026-11-20;10;5;1\n", "", "10:05:00"),
    "with seconds": ("date,hour,minute,second,w\n2026-11-20,10,5,7,1\n", "", "10:05:07"),
    "midnight and hour": ("date,hour,w\n2026-11-20 00:00:00,10,1\n", "", "10:00:00"),
    "midnight": ("date,w\n2026-11-20 00:00:00,1\n", "", "00:00:00"),
    "calendar": ("year,month,day,hour,w\n2026,11,20,10,1\n", "", "10:00:00"),
    "calendar with gaps": ("year,month,day,hour,w\n2026.0,11.0,20.0,10.0,1\n,,,,1\n", "", "10:00:00"),
    "calendar day": ("year,month,day,w\n2026,11,20,1\n", "", "00:00:00"),
    "by the caller": ("tag,stunde,w\n2026-11-20,10,1\n", "time=tag+stunde", "10:00:00"),
    "calendar of the caller": ("j,m,t,s,w\n2026,11,20,10,1\n", "time=j+m+t+s,value=w", "10:00:00"),
}
"""Columns that make the time together → contents, what the caller says, the time of day."""


@pytest.mark.parametrize("name", JOINED)
def test_a_date_is_joined_to_what_stands_beside_it(tmp_path: Path, name: str) -> None:
    """None of the columns is a reading."""
    content, columns, time = JOINED[name]
    events = events_in(write(tmp_path, "a.csv", content), columns)
    assert [(event.kind, event.time, event.value) for event in events] == [("w", f"{DAY} {time}", 1)]


def test_a_date_whose_time_of_day_is_missing_is_skipped(tmp_path: Path) -> None:
    """It is not midnight."""
    path = write(tmp_path, "a.csv", "date,time,w\n2026-11-20,,1\n2026-11-20,10:00,2\n2026-11-20,11:00,4\n")
    assert [event.value for event in events_in(path)] == [2, 4]


@pytest.mark.parametrize(
    ("content", "time"),
    [
        ("time,datetime,x\n10:00:00,2026-11-20T10:00:00Z,1\n", "2026-11-20 10:00:00"),
        ("time,stamp,x\n0.5,2026-11-20T10:00:00Z,1\n", "2026-11-20 10:00:00"),
        ("created_at,x\n2026-11-20T10:00:00Z,1\n", "2026-11-20 10:00:00"),
        ("timestamp,date,hour,x\n1795168800,2026-11-19,7,1\n", "2026-11-20 10:00:00"),
        ("time,x\n0.5,1\n", "1970-01-01 00:00:00.500000000"),
    ],
)
def test_of_several_columns_the_surest_is_the_time(tmp_path: Path, content: str, time: str) -> None:
    """A date with a time of day comes before parts of it, and before numbers that count from another moment."""
    assert {event.time for event in events_in(write(tmp_path, "a.csv", content)) if event.kind == "x"} == {time}


@pytest.mark.parametrize(
    ("first", "unit", "time"), [(46_346.5, "excel", f"{DAY} 12:00:00"), (30_000, "s", "1970-01-01 08:20:00")]
)
def test_small_numbers_are_what_the_caller_says(tmp_path: Path, first: float, unit: str, time: str) -> None:
    """A day of Excel is also a second of 1970."""
    path = write(tmp_path, "a.csv", f"time,x\n{first},1\n{first + 1},2\n")
    fault = fault_of(path)
    assert fault.reason == "UNCLEAR_TIMES"
    assert f"unit={unit}" in fault.message
    assert events_in(path, f"unit={unit}")[0].time == time


@given(st.sampled_from(["s", "ms", "us", "ns"]), st.integers(1, 10**8))
def test_the_unit_of_the_caller_holds_for_every_row(unit: str, number: int) -> None:
    """Also for numbers that look like another unit."""
    times = times_of(pa.array([number, 20_261_120]), "time", unit, path=HERE, budget=Budget(HERE))
    assert times.nanos.tolist() == [number * SECOND // UNITS[unit], 20_261_120 * SECOND // UNITS[unit]]
    assert np.all(times.usable)
