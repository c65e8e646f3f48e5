"""Every trial comes back from its folder as it was, and damage is an error."""

import decimal
import json
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lab.errors import DataFault
from lab.model import Aggregate, Evidence, Samples, Series, SkippedRow, Trial
from lab.runs.codec import decode, encode
from lab.runs.contents import MANIFEST
from lab.runs.evidence import load_trial, save_trial
from lab.runs.store import RunStore
from tests.unit import trials
from tests.unit.analysis import builders
from tests.unit.runs.differences import differences

FILES = ("trial.json", "spans.jsonl", "samples.parquet", "series.parquet", "totals.parquet", "producer_ledger.parquet")
LARGEST_MICRO = 2**85
"""Sum of an aggregate whose high limb is at its bound (`ARCHITECTURE.md` D31)."""

counts = st.integers(0, 2**62)
floats = st.floats(allow_nan=True, allow_infinity=True)
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
times = st.floats(0, 4e9)


@st.composite
def series(draw: st.DrawFn) -> Series:
    """A metric with any labels and any number of points, also none."""
    points = draw(st.lists(st.tuples(times, floats), max_size=5))
    array = np.array(points, np.float64).reshape(-1, 2)
    return Series(draw(texts), draw(st.dictionaries(texts, texts, max_size=3)), array[:, 0], array[:, 1])


@st.composite
def samples(draw: st.DrawFn) -> Samples:
    """Any number of batches, also none."""
    rows = draw(st.lists(st.tuples(counts, counts, counts, counts, st.integers(0, 3), counts, counts), max_size=5))
    table = np.array(rows, np.int64).reshape(-1, 7)
    outcome = table[:, 4].astype(np.int8)
    return Samples(draw(counts), table[:, 0], table[:, 1], table[:, 2], table[:, 3], outcome, table[:, 5], table[:, 6])


aggregates = st.builds(
    Aggregate,
    texts,
    texts,
    counts,
    st.integers(-LARGEST_MICRO, LARGEST_MICRO),
    floats,
    floats,
    st.integers(-(2**61), 2**61),
)
some_aggregates = st.lists(aggregates, max_size=3).map(tuple)
json_values = st.recursive(
    st.none() | st.booleans() | counts | floats | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts | st.just("_"), inner, max_size=3),
    max_leaves=8,
)


@st.composite
def evidences(draw: st.DrawFn) -> Evidence:
    """Twenty good seconds whose tables and odd corners hold anything."""
    seen = trials.rich().evidence
    load_run = replace(
        seen.load_run,
        samples=draw(samples()),
        producer_ledger=draw(some_aggregates),
        producer_ledger_unknown=draw(some_aggregates),
        skipped=tuple(draw(st.lists(st.builds(SkippedRow, counts, texts), max_size=2))),
        notes=tuple(draw(st.lists(texts, max_size=2))),
    )
    return replace(
        seen,
        load_run=load_run,
        store=replace(seen.store, instances=draw(st.dictionaries(texts, counts, max_size=2))),
        totals=draw(some_aggregates),
        windows=draw(some_aggregates),
        series=tuple(draw(st.lists(series(), max_size=4))),
        spans=tuple(draw(st.lists(st.dictionaries(texts, json_values, max_size=2), max_size=2))),
    )


def kept(trial: Trial, folder: Path) -> Trial:
    """The trial as it comes back."""
    save_trial(trial, folder)
    return load_trial(folder)


def begun(folder: Path) -> Path:
    """The folder of a run that holds a trial."""
    run = RunStore(folder).new("x", run_id="x")
    save_trial(trials.rich(), run.path)
    return run.path


@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow])
@given(evidence=evidences(), parameters=st.dictionaries(texts | st.just("_"), json_values, max_size=3))
def test_anything_a_trial_can_hold_comes_back(evidence: Evidence, parameters: dict[str, object]) -> None:
    """Field by field: empty series, NaN, sums at the bound of an aggregate, labels in any script."""
    trial = replace(trials.rich(), evidence=evidence, parameters=parameters)
    with TemporaryDirectory() as folder:
        assert differences(trial, replace(kept(trial, Path(folder)), folder="")) == []


def test_a_series_without_points_is_still_a_series(tmp_path: Path) -> None:
    """A metric without points differs from a metric that was never queried."""
    empty = builders.series("up", {"job": "a"}, [])
    seen = replace(builders.evidence(), series=(empty, *builders.evidence().series, empty))
    back = kept(trials.trial(evidence=seen), tmp_path).evidence.series
    assert [(each.name, len(each.time_s)) for each in back] == [(each.name, len(each.time_s)) for each in seen.series]


def test_sums_stand_in_the_file_to_the_last_digit(tmp_path: Path) -> None:
    """As decimals with six digits, whatever precision the notebook set."""
    aggregate = builders.total("pi", "temp", 3, LARGEST_MICRO - 1)
    trial = trials.trial(evidence=replace(builders.evidence(), totals=(aggregate,)))
    with decimal.localcontext(prec=5):
        assert kept(trial, tmp_path).evidence.totals == (aggregate,)
    [stored] = pq.read_table(tmp_path / "totals.parquet").column("sum").to_pylist()
    assert stored == Decimal(f"{LARGEST_MICRO - 1}E-6")


def test_a_parameter_of_numpy_or_a_path_does_not_cost_the_run(tmp_path: Path) -> None:
    """A cell may compute its parameters; the measurement is worth more than their types."""
    trial = replace(trials.trial(), parameters={"rate": np.float64(5), "seed": np.int64(3), "path": Path("a.csv")})
    assert kept(trial, tmp_path).parameters == {"rate": 5.0, "seed": 3, "path": "a.csv"}


def test_the_trial_is_json_for_every_reader(tmp_path: Path) -> None:
    """No NaN, no Infinity: other readers refuse them."""
    save_trial(replace(trials.trial(), parameters={"a": float("nan"), "b": -float("inf")}), tmp_path)
    refused: list[str] = []
    json.loads((tmp_path / "trial.json").read_text(), parse_constant=refused.append)
    assert refused == []


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("damage", ["torn", "gone", "other"])
def test_every_damage_is_one_clear_fault(tmp_path: Path, name: str, damage: str) -> None:
    """Half a file, none, or one with other contents: the error names the run and the file in at most five lines."""
    folder = begun(tmp_path)
    file = folder / name
    if damage == "gone":
        file.unlink()
    elif damage == "torn":
        file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])
    elif name.endswith(".parquet"):
        pq.write_table(pa.table({"a": [1]}), file)
    else:
        file.write_text("[1,\n")
    with pytest.raises(DataFault) as fault:
        load_trial(folder)
    assert (fault.value.reason, fault.value.exit_code) == ("CORRUPT_RUN", 65)
    assert name in str(fault.value)
    assert len(str(fault.value).splitlines()) <= 5


@pytest.mark.parametrize("kind", ["Trail", "SERVICES", "annotations", "Window"])
def test_an_unknown_type_is_a_fault(kind: str) -> None:
    """Only types of the model are ever called, with their own fields."""
    with pytest.raises(DataFault):
        decode({"_": kind, "x": 1})


def test_a_trial_file_that_holds_something_else_is_a_fault(tmp_path: Path) -> None:
    """Sound JSON of a known type is not yet a trial."""
    folder = begun(tmp_path)
    (folder / "trial.json").write_text(json.dumps(encode(builders.experiment())))
    with pytest.raises(DataFault, match="cannot read the run"):
        load_trial(folder)


@pytest.mark.parametrize(
    ("place", "value"),
    [
        ((), ["Trial"]),
        (("evidence",), {}),
        (("evidence",), None),
        (("evidence", "load_run"), {"samples": {}}),
        (("evidence", "load_run", "samples"), []),
        (("evidence", "load_run", "samples"), {"started_ns": 1}),
    ],
)
def test_a_trial_with_a_part_of_another_kind_is_a_fault(tmp_path: Path, place: tuple[str, ...], value: object) -> None:
    """Also a list, a text or nothing in its place; never an error of Python."""
    folder = begun(tmp_path)
    whole = {"": json.loads((folder / "trial.json").read_text())}
    inner = whole
    for name in ("", *place)[:-1]:
        inner = inner[name]
    inner[("", *place)[-1]] = value
    (folder / "trial.json").write_text(json.dumps(whole[""]) + "\n")
    with pytest.raises(DataFault, match="cannot read the run") as fault:
        load_trial(folder)
    assert "trial.json" in fault.value.found


@pytest.mark.parametrize("schema", [3, None, "1"])
def test_a_run_of_another_schema_is_refused(tmp_path: Path, schema: object) -> None:
    """The message names both; nothing is guessed."""
    folder = begun(tmp_path)
    manifest = json.loads((folder / MANIFEST).read_text())
    (folder / MANIFEST).write_text(json.dumps(manifest | {"schema": schema}))
    with pytest.raises(DataFault, match="cannot read the run") as fault:
        load_trial(folder)
    assert f"{schema!r}, this lab reads 1 and 2" in str(fault.value)
