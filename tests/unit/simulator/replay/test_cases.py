"""Files as people have them become the events that they mean, or a message that says what is wrong with them."""

from pathlib import Path
from typing import Final, NamedTuple

import pytest

from services.simulator.sources.replay import open_replay
from tests.unit.simulator.replay.files import events_of, fault_of, write
from tests.unit.simulator.replay.generated import GENERATED

CASES: Final = Path(__file__).parents[3] / "data" / "replay_cases"
COLUMNS: Final = {"dwd.csv": "time=MESS_DATUM"}
"""What the caller says about the columns of a file."""


class Read(NamedTuple):
    """What a file becomes.

    Attributes:
        events: Number of events.
        total: Sum of their values.
        times: First and last time; the date stands once where both have the same.
        kinds: Their kinds, separated by ` | `.
        sources: Their sources; empty where the file's name is the source.
        missing: Number of values that are missing.
    """

    events: int
    total: float
    times: str
    kinds: str
    sources: str = ""
    missing: int = 0


READ: Final = {
    "arabic_digits.csv": Read(2, 11, "2026-11-20 10:00:01 10:00:02", "temp", missing=1),
    "arabic_time.csv": Read(2, 6, "2026-11-20 10:00:00 10:00:01", "temp"),
    "bad_seconds.csv": Read(1, 7, "2026-07-01 00:00:00 00:00:00", "temp", missing=3),
    "berlin.parquet": Read(6, 21, "2026-11-20 10:00:00 10:00:05", "temp"),
    "berlin2.parquet": Read(6, 15, "2026-11-20 09:00:00 09:00:05", "temp"),
    "big_counter.csv": Read(1, 35_000_000_000_000, "2026-11-20 10:00:00 10:00:00", "read_bytes", missing=2),
    "big_int_and_float.jsonl": Read(3, 8.5, "2026-11-20 10:00:00 10:00:01", "id | temp", missing=1),
    "bike_hour.csv": Read(4, 105, "2026-11-20 00:00:00 2026-11-21 00:00:00", "count"),
    "bike_hr.csv": Read(4, 105, "2026-11-20 00:00:00 2026-11-21 00:00:00", "cnt"),
    "binary_source.parquet": Read(6, 21, "2026-11-20 10:00:00 10:00:05", "temp", "a"),
    "blank_head.csv": Read(1, 1, "2026-11-20 10:00:00 10:00:00", "temp"),
    "bom_crlf.csv": Read(2, 3, "2026-11-20 10:00:00 10:00:01", "temp"),
    "bool_int.jsonl": Read(2, 3, "2026-11-20 10:00:00 10:00:01", "temp"),
    "bool_source.parquet": Read(6, 21, "2026-11-20 10:00:00 10:00:05", "temp", "false | true"),
    "categorical.parquet": Read(6, 21, "2026-11-20 10:00:00 10:00:05", "temp", "a | b"),
    "categorical_numeric.parquet": Read(12, 33, "2026-11-20 10:00:00 10:00:05", "state | temp", "a | b | c"),
    "cloudwatch.csv": Read(2, 26, "2026-11-20 10:00:00 10:05:00", "CPUUtilization"),
    "collectd.csv": Read(2, 0.85, "2026-11-20 10:00:00.123000000 10:00:10.124000000", "value"),
    "comment_head.csv": Read(2, 3, "2026-11-20 10:00:00 10:00:01", "temp"),
    "compact_date.csv": Read(3, 13.5, "2026-11-19 00:00:00 2026-11-21 00:00:00", "temp"),
    "compact_minute.csv": Read(3, 13.5, "2026-11-20 10:00:00 10:02:00", "temp"),
    "cr_only.csv": Read(2, 3, "2026-11-20 10:00:00 10:00:01", "temp"),
    "date32.parquet": Read(6, 21, "2026-11-20 00:00:00 00:00:00", "temp"),
    "date_time_cols.csv": Read(3, 64.8, "2026-11-20 10:00:00 2026-11-21 10:00:10", "Temp"),
    "datetimeindex.parquet": Read(12, 42, "2026-11-20 10:00:00 10:00:05", "hum | temp"),
    "decimal.parquet": Read(6, 6.6, "2026-11-20 10:00:00 10:00:05", "temp"),
    "decimal_comma.csv": Read(2, 43.1, "2026-11-20 10:00:00 10:00:01", "temp"),
    "decimal_comma_mixed.csv": Read(8, 253.2, "2026-11-20 10:00:00 10:00:03", "hum | temp"),
    "decimal_comma_mostly_whole.csv": Read(5, 111.1, "2026-11-20 10:00:00 10:00:04", "temp"),
    "decimal_time.parquet": Read(6, 21, "2025-11-20 10:00:00.123456789 10:00:00.123456789", "temp"),
    "deep.jsonl": Read(1, 1, "2026-11-20 10:00:01 10:00:01", "temp", missing=1),
    "dst_fold.csv": Read(5, 15, "2026-10-25 02:15:00 03:00:00", "temp"),
    "dup_key.jsonl": Read(2, 3, "2026-11-20 10:00:00 10:00:01", "temp"),
    "dup_renamed.csv": Read(2, 3, "2026-11-20 10:00:00 10:00:00", "a | a.1"),
    "dwd.csv": Read(6, -1810.4, "2026-11-20 00:00:00 02:00:00", "RF_TU | TT_TU", "44"),
    "epoch_frac_ns.csv": Read(2, 3, "2025-11-20 10:00:00.123456789 10:00:00.123456790", "temp"),
    "flight.csv": Read(10, 54_493.4, "2018-02-02 16:01:15 16:01:25", "altitude | id | latitude | longitude | speed"),
    "float_source.parquet": Read(6, 21, "2026-11-20 10:00:00 10:00:05", "temp", "1 | 2"),
    "grafana_excel_one.csv": Read(3, 40.5, "2026-11-20 10:00:00 10:00:30", "cpu"),
    "grafana_excel_two.csv": Read(6, 46.5, "2026-11-20 10:00:00 10:00:30", "cpu rack-a | cpu rack-b"),
    "grafana_series_as_rows.csv": Read(
        2,
        4,
        "2026-11-20 10:00:00 10:00:00",
        " | ".join(f'node_load1{{instance="{host}:9100",job="n",env="x"}}' for host in "ab"),
    ),
    "grafana_units_mixed.csv": Read(3, 3050, "2026-11-20 10:00:01 10:00:03", "Value", missing=1),
    "gzip_named.csv": Read(3, 6, "2026-11-20 09:00:01 10:00:02", "temp"),
    "half.parquet": Read(6, 15, "2026-11-20 10:00:00 10:00:05", "half"),
    "header_again_other_order.csv": Read(4, 303, "2026-11-20 10:00:00 10:00:01", "a | b"),
    "homeassistant.csv": Read(
        3, 3121.5, "2026-11-20 10:00:00 10:01:00", "sensor.garage_power | sensor.kitchen_temperature", missing=1
    ),
    "huge_int.jsonl": Read(3, 8, "2026-11-20 10:00:00 10:00:01", "id | temp", missing=1),
    "huge_value.jsonl": Read(1, 2, "2026-11-20 10:00:01 10:00:01", "temp", missing=1),
    "influx_annotated.csv": Read(6, 150, "2026-11-20 00:00:10 00:00:30", "usage_system | usage_user", "rack-a"),
    "influx_raw.csv": Read(6, 150, "2026-11-20 00:00:10 00:00:30", "usage_system | usage_user", "rack-a"),
    "influx_raw_2000.csv": Read(2_000, 34_000, "2026-11-20 00:00:00 02:46:30", "usage_system | usage_user", "rack-a"),
    "k6.csv": Read(6, 1014.5, "2026-11-20 10:00:00 10:00:01", "http_req_duration | http_reqs | vus"),
    "large_string.parquet": Read(6, 21, "2026-11-20 10:00:00 10:00:05", "temp"),
    "large_string_value.parquet": Read(4, 14, "2026-11-20 10:00:00 10:00:05", "m", missing=2),
    "long_int.jsonl": Read(2, 2, "2026-11-20 10:00:00 10:00:01", "temp", missing=1),
    "map.parquet": Read(6, 21, "2026-11-20 10:00:00 10:00:05", "temp"),
    "mixed_units.csv": Read(4, 10, "2025-11-20 10:00:00 10:00:03", "temp"),
    "mixed_zones.csv": Read(3, 6, "2026-11-20 09:00:01 10:00:02", "temp"),
    "mongo_date.jsonl": Read(2, 3, "2026-11-20 10:00:00 10:00:01", "temp"),
    "mqtt_log.csv": Read(4, 3143.1, "2026-11-20 10:00:00 10:00:10", "home/garage/power | home/kitchen/temperature"),
    "multiindex_cols.parquet": Read(12, 42, "2026-11-20 10:00:00 10:00:05", "('a', 'temp') | ('b', 'temp')"),
    "nan.jsonl": Read(1, 3, "2026-11-20 10:00:01 10:00:01", "temp", missing=2),
    "nan.parquet": Read(4, 14, "2026-11-20 10:00:00 10:00:05", "temp", missing=2),
    "nbsp.csv": Read(2, 2, "2026-11-20 10:00:00 10:00:01", "temp"),
    "nested.jsonl": Read(2, 1.1, "2026-11-20 10:00:00 10:00:01", "system.cpu.pct", "rack-a"),
    "newline_header.csv": Read(1, 1, "2026-11-20 10:00:00 10:00:00", "temp"),
    "none_source.parquet": Read(4, 12, "2026-11-20 10:00:00 10:00:04", "temp", "a | b", missing=2),
    "ns_epoch.csv": Read(4, 215, "2020-05-24 15:48:50.162702714 15:48:51.162702714", "CPU | GPU", "server1"),
    "nul.csv": Read(2, 4, "2026-11-20 10:00:00 10:00:02", "temp", missing=1),
    "null_value.parquet": Read(6, 6, "2026-11-20 10:00:00 10:00:05", "hum"),
    "odd_numbers.csv": Read(3, 105.5, "2026-11-20 10:00:00 10:00:02", "temp", missing=1),
    "onoff.csv": Read(2, 3, "2026-11-20 10:00:00 10:00:01", "temp"),
    "out_of_order_dups.csv": Read(3, 4, "2026-11-20 10:00:00 10:00:01", "temp"),
    "pandas3_str_time.parquet": Read(6, 21, "2026-11-20 10:00:00 10:00:05", "temp", "a | b"),
    "pandas_datetimeindex.csv": Read(4, 46.1, "2026-11-20 10:00:00 10:00:01", "cpu | mem"),
    "pandas_index.csv": Read(3, 64.8, "2026-11-20 10:00:00 10:00:02", "temp"),
    "pandas_index_host.csv": Read(3, 64.8, "2026-11-20 10:00:00 10:00:02", "temp", "a | b"),
    "pandas_index_host_1200.csv": Read(1_200, 27_594, "2026-11-20 10:00:00 10:19:59", "temp", "rack-a | rack-b"),
    "pandas_index_host_2000.csv": Read(2_000, 45_995, "2026-11-20 10:00:00 10:33:19", "temp", "rack-a | rack-b"),
    "pandas_unnamed.csv": Read(2, 43.1, "2026-11-20 10:00:00 10:00:01", "temp"),
    "plus_sign.csv": Read(2, 18, "2026-11-20 10:00:00 10:00:01", "temp"),
    "polars_split_date_time.csv": Read(2, 4, "2023-01-01 10:11:12 2023-01-03 14:15:16", "temp", missing=1),
    "prom_api.json": Read(1, 1, "2025-11-20 10:00:00 10:00:00", "up"),
    "quoted_newline.csv": Read(2, 3, "2026-11-20 10:00:00 10:00:01", "temp"),
    "semicolon_labels.csv": Read(4, 7, "2026-11-20 10:00:00 10:00:01", "load {a=1,b=2,c=3} | x {a=1,b=2}"),
    "str_numbers.jsonl": Read(2, 43.5, "2026-11-20 10:00:00 10:00:01", "temp", missing=1),
    "string_view.parquet": Read(6, 21, "2026-11-20 10:00:00 10:00:05", "temp"),
    "surrogate.jsonl": Read(1, 1, "2026-11-20 10:00:01 10:00:01", "temp", "a", missing=1),
    "thousands.csv": Read(3, 2994.5, "2026-11-20 10:00:01 10:00:03", "power", missing=1),
    "time_ns_mixed.jsonl": Read(2, 3, "2025-11-20 10:00:00.123456789 10:00:01", "temp"),
    "tiny_values.csv": Read(20, 6.4e-06, "2026-11-20 10:00:00 10:00:19", "offset_s"),
    "tiny_values_2000.csv": Read(2000, 0.00064, "2026-11-20 10:00:00 10:33:19", "offset_s"),
    "trailing_space_labels.csv": Read(3, 7, "2026-11-20 10:00:00 10:00:02", "temp", "a"),
    "uint64_counter.jsonl": Read(3, 8, "2026-11-20 10:00:00 10:00:01", "counter | temp", missing=1),
    "unpadded_date.csv": Read(4, 1040.03, "2017-06-30 09:48:00 09:49:00", "ROI | XMR_USD"),
    "utf16.csv": Read(2, 3, "2026-11-20 10:00:00 10:00:01", "temp"),
    "uuid.parquet": Read(6, 21, "2026-11-20 10:00:00 10:00:05", "temp"),
}
REFUSED: Final = {
    "array.json": ("NO_ROWS", "1 row was skipped; the first: line 1: a JSON array, an object is needed", "jq -c '.[]'"),
    "array_pretty.json": ("NO_ROWS", "10 rows were skipped; the first: line 1: not JSON", "jq -c '.[]'"),
    "binary_bad_source.parquet": ("UNUSABLE_COLUMN", '"host" is of type binary, which is no source'),
    "bool.csv": ("NO_VALUE_COLUMN", "door: 'true' is not a number"),
    "bool.parquet": ("NO_VALUE_COLUMN", "door: type bool"),
    "de_time.csv": ("NO_USABLE_ROWS", "line 2: time: '20.11.2026 10:00:00' is not a time", "ISO 8601"),
    "dup_names.csv": ("DUPLICATE_COLUMNS", "the header names 'temp' more than once"),
    "duration.parquet": ("UNUSABLE_COLUMN", '"time" is of type duration[ns], which is no time'),
    "empty.parquet": ("NO_ROWS", "holds no rows"),
    "excel_serial.csv": ("UNCLEAR_TIMES", "46346.5 is a day of Excel (2026-11-20 12:00)", 'columns="unit=excel"'),
    "ghz_units.csv": ("NO_VALUE_COLUMN", "latency: '1.2ms' is not a number"),
    "grafana_formatted.csv": ("NO_VALUE_COLUMN", "cpu: '12.5%' is not a number"),
    "gzip_as_advised.csv": ("BAD_FILE_ENCODING", "which is not text", "as it was before it was converted"),
    "header_trailing_comma.csv": ("NO_ROWS", "2 rows were skipped; the first: line 2: 3 fields, the header has 4"),
    "latin1.csv": ("BAD_FILE_ENCODING", "not UTF-8", "iconv -f latin1 -t utf-8"),
    "list_source.parquet": ("UNUSABLE_COLUMN", '"host" is of type list<element: string>, which is no source'),
    "no_header.csv": ("NO_HEADER", "2026-11-20T10:00:00Z, 1", 'columns="time=column_1,value=column_2"'),
    "no_header_epoch.csv": ("NO_HEADER", "1763632800, 1", 'columns="time=column_1,value=column_2"'),
    "null_time.parquet": ("NO_USABLE_ROWS", "the first: line 1: time: empty"),
    "object_pretty.json": ("NO_ROWS", "19 rows were skipped; the first: line 1: not JSON", "jq -c ."),
    "rows_trailing_comma.csv": ("NO_ROWS", "2 rows were skipped; the first: line 2: 4 fields, the header has 3"),
    "space_sep.csv": ("NO_SEPARATOR", 'its first row "time temp" holds no separator'),
    "struct_value.parquet": ("NO_VALUE_COLUMN", "temp: type struct<c: double>"),
    "struct_value_long.parquet": ("UNUSABLE_COLUMN", '"value" is of type struct<c: double>, which is no value'),
    "time64.parquet": ("NO_DATE_COLUMN", '"time" holds times of day, and no column holds the dates'),
    "tz_abbrev.csv": ("NO_USABLE_ROWS", "line 2: time: '2026-11-20 10:00:00 CET' is not a time", "zones are Z or"),
    "uint64.parquet": ("NO_USABLE_ROWS", "line 1: u: 9223372036854775809 is beyond 2^45"),
    "us_time.csv": ("NO_USABLE_ROWS", "line 2: time: '11/20/2026 10:00:00 PM' is not a time", "ISO 8601"),
    "utf16_as_advised.csv": ("BAD_FILE_ENCODING", "which is not text", "as it was before it was converted"),
    "uuid_source.parquet": ("UNUSABLE_COLUMN", '"host" is of type extension<arrow.uuid>, which is no source'),
    "vcgencmd.csv": ("NO_VALUE_COLUMN", 'temp: "temp=48.3\'C" is not a number'),
}
"""Name → reason, then parts of the message."""


def path_of(name: str, folder: Path) -> Path:
    """Return the path of a case, which is written first where it is not kept."""
    return write(folder, name, GENERATED[name]()) if name in GENERATED else CASES / name


def test_every_case_is_in_a_table() -> None:
    """A file that is added to the folder needs its right value."""
    assert {path.name for path in CASES.iterdir()} | GENERATED.keys() == READ.keys() | REFUSED.keys()


@pytest.mark.parametrize("name", READ)
def test_a_file_becomes_the_events_that_it_means(name: str, tmp_path: Path) -> None:
    """Their number, sum, times, sources and kinds; values that are missing are counted."""
    expected = READ[name]
    source = open_replay(str(path_of(name, tmp_path)), COLUMNS.get(name, ""))
    events = events_of(source)
    assert [event.time for event in events] == sorted(event.time for event in events)
    first, last = events[0].time, events[-1].time
    times = f"{first} {last.removeprefix(first[:11])}"
    kinds, sources = (" | ".join(sorted(set(names))) for names in zip(*(event[1::-1] for event in events), strict=True))
    total = sum(event.value for event in events)
    assert total == pytest.approx(expected.total, rel=1e-12)
    read = Read(len(events), expected.total, times, kinds, sources, source.skipped_rows)
    assert read == expected._replace(sources=expected.sources or name.rpartition(".")[0])


@pytest.mark.parametrize("name", REFUSED)
def test_a_file_that_cannot_be_told_is_refused_with_its_reason(name: str, tmp_path: Path) -> None:
    """The message names what was found, and what to do."""
    reason, *parts = REFUSED[name]
    fault = fault_of(path_of(name, tmp_path), COLUMNS.get(name, ""))
    assert fault.reason == reason
    for part in (name, *parts):
        assert part in fault.message


@pytest.mark.parametrize("name", ["tiny_values.csv", "tiny_values_2000.csv"])
def test_values_below_the_resolution_of_sums_are_told(name: str, tmp_path: Path) -> None:
    """Sums are kept in millionths; the line that is shown before the load says so."""
    source = open_replay(str(path_of(name, tmp_path)), "")
    assert f"{len(source):,} values of offset_s too small for sums, which are kept in millionths" in source.description
    assert any("too small" in note for note in source.notes)


def test_a_day_of_excel_is_read_where_the_caller_says_so() -> None:
    """Parts of a day become times of the day, to the millisecond."""
    events = events_of(open_replay(str(CASES / "excel_serial.csv"), "unit=excel"))
    assert [event.time for event in events] == ["2026-11-20 12:00:00", "2026-11-20 12:15:00", "2026-11-20 12:30:00"]


@pytest.mark.parametrize(("name", "events", "total"), [("no_header.csv", 3, 7), ("no_header_epoch.csv", 3, 7)])
def test_a_file_without_a_header_loses_no_row(name: str, events: int, total: float) -> None:
    """The columns that the message proposes read all rows."""
    rows = events_of(open_replay(str(CASES / name), fault_of(CASES / name).advice))
    assert (len(rows), sum(row.value for row in rows)) == (events, total)
