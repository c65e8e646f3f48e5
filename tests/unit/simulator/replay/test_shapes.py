"""Files of well-known programs are read as they are meant."""

from pathlib import Path
from typing import Final

import pytest

from services.simulator.sources.replay import open_replay
from tests.unit.simulator.replay.files import Event, events_in, write

INFLUX: Final = ",result,table,_start,_stop,_time"
WINDOW: Final = "2026-11-20T00:00:00Z,2026-11-20T01:00:00Z"
AT: Final = "2026-11-20 00:00:10"
TEN: Final = "2026-11-20 10:00:00"
PROMETHEUS: Final = '{"status":"success","data":{"resultType":"matrix","result":[%s]}}\n'
SHAPES: Final = {
    "influx_pivoted.csv": (
        f"{INFLUX},_measurement,host,user,system\n,_result,0,{WINDOW},2026-11-20T00:00:10Z,cpu,a,1.5,2\n",
        [Event("a", "user", AT, 1.5), Event("a", "system", AT, 2)],
    ),
    "influx_tags.csv": (
        (f"{INFLUX},_value,_field,_measurement,cpu,host\n"
        f",,0,{WINDOW},2026-11-20T00:00:10Z,1,usage,cpu,cpu0,a\n"
        f",,1,{WINDOW},2026-11-20T00:00:10Z,2,usage,cpu,cpu1,a\n"),
        [Event("a cpu0", "usage", AT, 1), Event("a cpu1", "usage", AT, 2)],
    ),
    "influx_two_tables.csv": (
        ("#group,false,false\n#datatype,string,long\n#default,_result,\n,result,table,_time,_value,_field,host\n"
        ",,0,2026-11-20T00:00:10Z,1,usage,a\n\n"
        "#group,false,false\n#datatype,string,long\n#default,_result,\n,result,table,_time,_value,_field,disk,host\n"
        ",,1,2026-11-20T00:00:10Z,5,free,sda,a\n,,1,2026-11-20T00:00:10Z,6,free,sdb,a\n"),
        [Event("a", "usage", AT, 1), Event("a sda", "free", AT, 5), Event("a sdb", "free", AT, 6)],
    ),
    "home_assistant.csv": (
        ("entity_id,state,last_changed,last_updated\n"
        "sensor.t,21.5,2026-11-20T10:00:00+00:00,2026-11-20T10:09:00+00:00\n"
        "binary_sensor.door,on,2026-11-20T10:00:00+00:00,2026-11-20T10:00:00+00:00\n"),
        [Event("home_assistant", "sensor.t", TEN, 21.5)],
    ),
    "k6.json": (
        ('{"type":"Metric","data":{"name":"http_reqs","type":"counter"},"metric":"http_reqs"}\n'
        '{"type":"Point","data":{"time":"2026-11-20T11:00:00+01:00","value":1,"tags":{"url":"/a"}},"metric":"reqs"}\n'
        '{"type":"Point","data":{"time":"2026-11-20T11:00:00+01:00","value":1,"tags":{"url":"/b"}},"metric":"reqs"}\n'),
        [Event("k6", "reqs", TEN, 1), Event("k6", "reqs", TEN, 1)],
    ),
    "locust_stats_history.csv": (
        ("Timestamp,User Count,Type,Name,Requests/s,50%\n"
        "1795168800,10,GET,/a,1.5,12\n1795168800,10,POST,/a,2.5,N/A\n1795168800,10,,Aggregated,4.0,13\n"),
        [
            Event("GET /a", "User Count", TEN, 10), Event("GET /a", "Requests/s", TEN, 1.5),
            Event("GET /a", "50%", TEN, 12), Event("POST /a", "User Count", TEN, 10),
            Event("POST /a", "Requests/s", TEN, 2.5), Event("Aggregated", "User Count", TEN, 10),
            Event("Aggregated", "Requests/s", TEN, 4), Event("Aggregated", "50%", TEN, 13),
        ],
    ),
    "sadf.csv": (
        ("# hostname;interval;timestamp;CPU;%user\nrack-a;10;2026-11-20 10:00:00 UTC;-1;0.5\n"
        "rack-a;10;2026-11-20 10:00:00 UTC;0;0.6\nrack-a;-1;2026-11-20 10:00:05 UTC;LINUX-RESTART\t(4 CPU)\n"
        "# hostname;interval;timestamp;proc/s;cswch/s\nrack-a;10;2026-11-20 10:00:00 UTC;3;400\n"),
        [
            Event("rack-a -1", "%user", TEN, 0.5), Event("rack-a 0", "%user", TEN, 0.6),
            Event("rack-a", "proc/s", TEN, 3), Event("rack-a", "cswch/s", TEN, 400),
        ],
    ),
    "prometheus_range.json": (
        PROMETHEUS % '{"metric":{"__name__":"up","instance":"a:1","job":"n"},"values":[[1795168800.5,"1"]]},'
        '{"metric":{"__name__":"up","instance":"a:1","job":"m"},"values":[[1795168800.5,"0"]]}',
        [Event("a:1 n", "up", f"{TEN}.500000000", 1), Event("a:1 m", "up", f"{TEN}.500000000", 0)],
    ),
    "prometheus_vector.json": (
        PROMETHEUS.replace("matrix", "vector")
        % '{"metric":{"instance":"a:1"},"value":[1795168800,"NaN"]},'
        '{"metric":{"instance":"b:1"},"value":[1795168800,"2.5"]}',
        [Event("b:1", "value", TEN, 2.5)],
    ),
    "exported_series.jsonl": (
        '{"metric":{"__name__":"up","job":"n"},"values":[1,0.5],"timestamps":[1795168800000,1795168800123]}\n',
        [Event("exported_series", "up", TEN, 1), Event("exported_series", "up", f"{TEN}.123000000", 0.5)],
    ),
    "jmeter.csv": (
        ("timeStamp,elapsed,label,responseCode,threadName,success,bytes,grpThreads,Latency\n"
        "1795168800000,12,home,200,t1,true,512,1,11\n1795168800000,15,home,503,t2,false,512,1,14\n"),
        [
            Event("home", kind, TEN, value)
            for elapsed, latency in ((12, 11), (15, 14))
            for kind, value in (("elapsed", elapsed), ("bytes", 512), ("Latency", latency))
        ],
    ),
    "mqtt.jsonl": (
        '{"ts":1795168800,"topic":"a/b","payload":"21.5","qos":1}\n{"ts":1795168800,"topic":"a/c","payload":5,"qos":1}\n',
        [Event("mqtt", "a/b", TEN, 21.5), Event("mqtt", "a/c", TEN, 5)],
    ),
    "grafana_rows.csv": (
        ('"Series";"Time";"Value"\n"cpu {host=""a""}";2026-11-20T10:00:00Z;1,5\n'
        '"cpu {host=""b""}";2026-11-20T10:00:00Z;2\n'),
        [Event("grafana_rows", 'cpu {host="a"}', TEN, 1.5), Event("grafana_rows", 'cpu {host="b"}', TEN, 2)],
    ),
    "cloudwatch.csv": (
        'Label,CPU,Disk\nId,m1,m2\nUnit,Percent,Bytes\n"2026/11/20 10:00:00",12.5,3\n"2026/11/20 10:00:00",13.5,\n',
        [Event("cloudwatch", kind, TEN, value) for kind, value in (("CPU", 12.5), ("Disk", 3), ("CPU", 13.5))],
    ),
    "dwd_ten_minutes.csv": (
        "STATIONS_ID;MESS_DATUM;QN_9;TT_TU;eor\n         44;202611201000;    3;   1.5;eor\n",
        [Event("44", "TT_TU", TEN, 1.5)],
    ),
}  # fmt: skip
"""Name of the file → contents, and the events that it means."""


@pytest.mark.parametrize("name", SHAPES)
def test_a_file_of_a_known_program_is_read_as_it_is_meant(tmp_path: Path, name: str) -> None:
    """Its own times, series and readings, whatever else it holds."""
    content, expected = SHAPES[name]
    assert events_in(write(tmp_path, name, content)) == expected


@pytest.mark.parametrize("name", SHAPES)
def test_the_program_is_named(tmp_path: Path, name: str) -> None:
    """The line before the load, and the notes, say by whose shape the columns were read."""
    source = open_replay(str(write(tmp_path, name, SHAPES[name][0])), "")
    assert " of " in source.description
    assert any(note.startswith("the columns are those of ") for note in source.notes)


def test_the_caller_comes_before_the_shape(tmp_path: Path) -> None:
    """A part of the roles is enough; the shape tells the others."""
    content, _ = SHAPES["influx_tags.csv"]
    path = write(tmp_path, "influx.csv", content)
    assert events_in(path, "source=cpu") == [Event("cpu0", "usage", AT, 1), Event("cpu1", "usage", AT, 2)]
    assert {event.source for event in events_in(path, "source=")} == {"influx"}
    assert {event.kind for event in events_in(path, "kind=_measurement+_field")} == {"cpu usage"}


def test_a_line_says_what_was_understood(tmp_path: Path) -> None:
    """File, rows, roles, what is left out, what is missing."""
    rows = f",,0,{WINDOW},2026-11-20T00:00:10Z,1,usage,cpu\n,,0,{WINDOW},2026-11-20T00:00:20Z,,usage,cpu\n"
    path = write(tmp_path, "flows.csv", f"{INFLUX},_value,_field,_measurement\n{rows}")
    assert open_replay(str(path), "").description == (
        "flows.csv: 2 rows of InfluxDB; time=_time, kind=_field, value=_value; "
        "left out: column_1, result, table, _start, _stop, _measurement; 1 value missing"
    )
    wide = write(tmp_path, "wide.csv", "time,host,a,b,note\n2026-11-20T10:00:00Z,x,1,2,dry\n")
    assert open_replay(str(wide), "").description == (
        "wide.csv: 1 row; time=time, source=host; values: a, b; left out: note"
    )


@pytest.mark.parametrize("name", ["a\x1b[31m", "a\nb", "x" * 5_000])
def test_the_line_can_be_shown_whatever_a_column_is_called(tmp_path: Path, name: str) -> None:
    """Names of columns come from the file, and the line is shown in a terminal."""
    path = write(tmp_path, "a.jsonl", f'{{"time":1795168800,"v":1,{_quoted(name)}:"text"}}\n')
    source = open_replay(str(path), "")
    assert source.description.isprintable()
    assert len(source.description) < 300
    assert all(note.isprintable() for note in source.notes)


def _quoted(name: str) -> str:
    return '"' + "".join(f"\\u{ord(letter):04x}" for letter in name) + '"'
