"""A trial is written and read again without loss."""

import json
from dataclasses import replace
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from lab.errors import DataFault
from lab.model import Window
from lab.runs.evidence import load_trial, save_trial
from lab.runs.spans import read_spans
from lab.runs.trial_facts import facts_of
from tests.unit import trials
from tests.unit.runs.differences import differences

MUST_HAVE = {"validity", "verdict", "ledger", "environment"}


def test_a_trial_comes_back_as_it_was(tmp_path: Path) -> None:
    """Every field of the experiment, the evidence and the judgement."""
    trial = trials.rich()
    save_trial(trial, tmp_path)
    loaded = load_trial(tmp_path)
    assert loaded.folder == str(tmp_path)
    assert differences(replace(trial, folder=str(tmp_path)), loaded) == []


def test_totals_are_readable_without_the_lab(tmp_path: Path) -> None:
    """Source, kind, count, exact sum, smallest and largest value."""
    trial = trials.trial()
    save_trial(trial, tmp_path)
    table = pq.read_table(tmp_path / "totals.parquet")
    assert {"source", "kind", "count", "sum", "minimum", "maximum"} <= set(table.column_names)
    assert sum(table.column("count").to_pylist()) == trial.ledger.counted


def test_the_manifest_is_plain_json() -> None:
    """With every fact that a program without the lab needs."""
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
    """The message names the run that cannot be read."""
    save_trial(trials.trial(), tmp_path)
    (tmp_path / "samples.parquet").write_bytes(b"PAR1 not really")
    with pytest.raises(DataFault, match="cannot read the run"):
        load_trial(tmp_path)


def test_spans_of_the_window_are_kept_and_torn_lines_left_out(tmp_path: Path) -> None:
    """A killed process may leave half a line."""
    file, document = tmp_path / "a.jsonl", json.dumps(trials.DOCUMENT)
    file.write_text(f"{document}\n{document[:40]}")
    start = 1_800_000_000_000_000_000
    assert read_spans([file, tmp_path / "none.jsonl"], Window(start, start + 1)) == [trials.DOCUMENT]
    assert read_spans([file], Window(start + 1, start + 2)) == []
