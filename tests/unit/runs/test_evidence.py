"""A trial that is written down can be read again, without loss."""

import json
from dataclasses import fields, is_dataclass
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from lab.errors import DataFault
from lab.model import Window
from lab.runs.evidence import load_trial, save_trial
from lab.runs.manifest import facts_of
from lab.runs.spans import read_spans
from tests.unit import trials

MUST_HAVE = {"validity", "verdict", "ledger", "environment"}


def assert_same(one: object, other: object, where: str = "trial") -> None:
    """Field by field; lists and tuples of equal things are equal, and so are NaNs."""
    if isinstance(one, np.ndarray):
        assert isinstance(other, np.ndarray), where
        np.testing.assert_array_equal(one, other, err_msg=where)
    elif is_dataclass(one):
        assert type(one) is type(other), where
        for field in fields(one):
            assert_same(getattr(one, field.name), getattr(other, field.name), f"{where}.{field.name}")
    elif isinstance(one, list | tuple):
        assert isinstance(other, list | tuple), where
        assert len(one) == len(other), where
        for i, (mine, theirs) in enumerate(zip(one, other, strict=True)):
            assert_same(mine, theirs, f"{where}[{i}]")
    else:
        assert one == other or (one != one and other != other), where  # noqa: PLR0124  NaN is not itself


def test_a_trial_comes_back_as_it_was(tmp_path: Path) -> None:
    """Every field of everything that was asked, observed and judged."""
    trial = trials.rich()
    save_trial(trial, tmp_path)
    loaded = load_trial(tmp_path)
    assert loaded.folder == str(tmp_path)
    for field in fields(trial):
        if field.name != "folder":
            assert_same(getattr(trial, field.name), getattr(loaded, field.name), field.name)


def test_totals_are_readable_without_the_lab(tmp_path: Path) -> None:
    """Source, kind, count, exact sum, smallest and largest value."""
    trial = trials.trial()
    save_trial(trial, tmp_path)
    table = pq.read_table(tmp_path / "totals.parquet")
    assert {"source", "kind", "count", "sum", "minimum", "maximum"} <= set(table.column_names)
    assert sum(table.column("count").to_pylist()) == trial.ledger.counted


def test_the_manifest_is_plain_json() -> None:
    """With everything that a program without the lab asks of a run."""
    facts = json.loads(json.dumps(facts_of(trials.rich())))
    assert set(facts) >= MUST_HAVE
    assert facts["validity"]["status"] == "VALID"
    assert facts["verdict"]["objectives"][1]["observed"] == 0
    assert set(facts["ledger"]) >= {
        "intended",
        "sent",
        "acknowledged",
        "unknown",
        "refused",
        "residual",
        "lost",
        "double_counted",
    }
    assert facts["source"]["skipped"] == [{"line": 3, "reason": "value: <empty>"}]


def test_a_damaged_file_is_named(tmp_path: Path) -> None:
    """It is told which run cannot be read."""
    save_trial(trials.trial(), tmp_path)
    (tmp_path / "samples.parquet").write_bytes(b"PAR1 not really")
    with pytest.raises(DataFault, match="cannot read the run"):
        load_trial(tmp_path)


def test_spans_of_the_window_are_kept_and_torn_lines_left_out(tmp_path: Path) -> None:
    """A process that is killed may leave half a line."""
    file, document = tmp_path / "a.jsonl", json.dumps(trials.DOCUMENT)
    file.write_text(f"{document}\n{document[:40]}")
    start = 1_800_000_000_000_000_000
    assert read_spans([file, tmp_path / "none.jsonl"], Window(start, start + 1)) == [trials.DOCUMENT]
    assert read_spans([file], Window(start + 1, start + 2)) == []
