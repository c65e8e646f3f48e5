"""A run of version 1 reads as a run of version 2."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import pytest

from lab.errors import DataFault
from lab.model import Aggregate, Objective, Trial
from lab.runs.codec import TYPE, decode
from lab.runs.contents import MANIFEST, TRIAL
from lab.runs.evidence import load_trial, save_trial
from lab.runs.folder import RunFolder
from lab.runs.manifest import SCHEMA, RunManifest
from lab.runs.replay import RECORDED, judged_again
from lab.runs.schema_1 import (
    DROPPED_FIELDS,
    RENAMED_FACTS,
    RENAMED_FIELDS,
    RENAMED_OBJECTIVES,
    RENAMED_TABLES,
    RENAMED_TYPES,
    upgraded_facts,
    upgraded_trial,
)
from lab.runs.store import RunStore
from lab.runs.stored_names import TYPES
from tests.unit.runs.differences import differences

PROJECT: Final = Path(__file__).parents[3]
OLD: Final = sorted(path.parent for path in (PROJECT / "tests/data/schema_1").glob(f"*/{MANIFEST}"))
"""Runs that version 1 wrote; no version can write them again."""
FOLDERS: Final = [*sorted(path.parent for path in (PROJECT / RECORDED).glob(f"*/{MANIFEST}")), *OLD]
OLD_WORDS: Final = {
    "twice",
    "strata",
    *RENAMED_TYPES,
    *(name for _, name in (*RENAMED_FIELDS, *DROPPED_FIELDS)),
}


def words_of(document: Any) -> set[str]:
    """Return every key and every name of a type in JSON."""
    if isinstance(document, dict):
        kind = {document[TYPE]} if TYPE in document else set()
        return {*document} | kind | {word for value in document.values() for word in words_of(value)}
    if isinstance(document, list):
        return {word for item in document for word in words_of(item)}
    return set()


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda path: path.name)
def test_a_recorded_run_of_any_version_is_judged_as_it_was(folder: Path) -> None:
    """Its trial has every part, and today's analysis gives the same answers."""
    trial = load_trial(folder)
    assert trial.experiment.objectives
    assert trial.evidence.load_run.producer_ledger
    assert trial.evidence.totals
    again = judged_again(trial, trial.experiment)
    assert (again.validity.status, again.verdict.status) == ("VALID", "MET")
    assert again.verdict.status == trial.verdict.status
    assert again.ledger == trial.ledger


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda path: path.name)
def test_a_round_trip_writes_version_2(folder: Path, tmp_path: Path) -> None:
    """No word of version 1 is left in names of types, fields and files, and nothing is lost."""
    trial = load_trial(folder)
    run = RunStore(tmp_path).new("x", run_id="x")
    save_trial(trial, run.path)
    assert run.schema() == SCHEMA
    assert not words_of(json.loads((run.path / TRIAL).read_text())) & OLD_WORDS
    assert not {path.stem for path in run.path.iterdir()} & {*RENAMED_TABLES.values()}
    assert differences(trial, replace(load_trial(run.path), folder=str(folder))) == []


def test_there_are_runs_of_version_1() -> None:
    """Without them the tests below would test nothing."""
    assert [RunFolder(folder).schema() for folder in OLD] == [1] * 2


@pytest.mark.parametrize("folder", OLD, ids=lambda path: path.name)
def test_a_manifest_of_version_1_has_the_facts_of_version_2(folder: Path) -> None:
    """Nothing but names changes."""
    stored = json.loads((folder / MANIFEST).read_text())
    manifest = RunFolder(folder).document()
    assert not words_of(manifest) & OLD_WORDS
    assert manifest["ledger"]["double_counted"] == stored["ledger"]["twice"]
    assert [result["observed"] for result in manifest["verdict"]["objectives"]] == [
        result["observed"] for result in stored["verdict"]["objectives"]
    ]
    assert len(manifest) == len(stored)


@pytest.mark.parametrize(("old", "new"), RENAMED_FACTS.items())
def test_a_renamed_fact_keeps_its_value(old: str, new: str) -> None:
    """Under the name of version 2 alone."""
    assert upgraded_facts({"experiment": "a", old: [1]}) == {"experiment": "a", new: [1]}


def test_a_manifest_of_a_run_that_failed_early_is_upgraded() -> None:
    """It has neither a ledger nor a verdict."""
    manifest = RunManifest.of({"schema": 1, "status": "failed", "reason": "no stack"})
    assert manifest.upgraded() == manifest


def test_a_total_is_an_aggregate() -> None:
    """By name; all its fields stay."""
    total = {TYPE: "Total", "source": "a", "kind": "t", "count": 2, "sum_micro": 5, "minimum": 1.0, "maximum": 4.0}
    assert decode(upgraded_trial({"totals": [total]})) == {"totals": (Aggregate("a", "t", 2, 5, 1.0, 4.0),)}


@pytest.mark.parametrize(("old", "new"), RENAMED_OBJECTIVES.items())
def test_an_objective_has_its_new_kind(old: str, new: str) -> None:
    """Other kinds stay."""
    assert decode(upgraded_trial({TYPE: "Objective", "kind": old, "threshold": 0})) == Objective(new, 0)
    assert decode(upgraded_trial({TYPE: "Objective", "kind": "lost", "threshold": 0})) == Objective("lost", 0)


def test_a_mapping_of_a_user_keeps_its_words() -> None:
    """A parameter may be called like a field that was renamed."""
    parameters = {"twice": 1, "played": {"journal": [2]}}
    assert upgraded_trial(parameters) == parameters


def test_every_new_type_is_a_type_of_version_2() -> None:
    """And no old one is."""
    assert {*RENAMED_TYPES.values(), *(kind for kind, _ in RENAMED_FIELDS)} <= {*TYPES}
    assert not {*RENAMED_TYPES} & {*TYPES}


@pytest.mark.parametrize("kind", ["Player", "Balanced", "load_trial"])
def test_a_type_that_no_version_knows_is_refused(kind: str) -> None:
    """The name from the file is in the message."""
    with pytest.raises(DataFault, match=kind):
        decode(upgraded_trial({TYPE: kind, "x": 1}))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{}\n{}\n",
        "[]\n",
        "null\n",
        f'["{TYPE}"]\n',
        f'{{"{TYPE}": ["Trial"]}}\n',
        f'{{"{TYPE}": "Trial", "experiment": {{"target": ["processes"]}}}}\n',
        f'{{"{TYPE}": "Objective"}}\n',
        f'{{"{TYPE}": "Trial"}}\n',
        f'{{"{TYPE}": "Trial", "experiment": 3}}\n',
    ],
)
def test_damage_to_a_trial_of_version_1_is_one_clear_fault(tmp_path: Path, text: str) -> None:
    """As for version 2: the run is named, and the reason."""
    (tmp_path / MANIFEST).write_text(json.dumps({"schema": 1, "status": "succeeded"}))
    (tmp_path / TRIAL).write_text(text)
    with pytest.raises(DataFault) as fault:
        load_trial(tmp_path)
    assert fault.value.reason == "CORRUPT_RUN"


def test_types_are_stored_under_their_own_names_of_version_2() -> None:
    """A class that is renamed keeps the name in the table; the table is what a file means."""
    assert TYPES["Trial"] is Trial
    assert len({*TYPES.values()}) == len(TYPES)
