"""A snapshot is read as it was saved; a file that is no snapshot is refused with a next step."""

from pathlib import Path

import pytest

from lab.diagnosis.diagnose import diagnose
from lab.errors import DataFault
from lab.snapshots.files import load, save
from lab.snapshots.snapshot import Snapshot
from tests.unit.diagnosis.cases import CASES, Case


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_a_snapshot_comes_back_as_it_was(case: Case, tmp_path: Path) -> None:
    """Its diagnosis is the same, too."""
    save(case.snapshot, tmp_path / "snapshot.json")
    again = load(tmp_path / "snapshot.json")
    assert again == case.snapshot
    assert diagnose(again) == diagnose(case.snapshot)


@pytest.mark.parametrize(
    ("text", "words", "step"),
    [
        ('{"schema": 3, "snapshot": {}}', "schema 3, this lab reads 1 and 2", "read it with the lab that wrote it"),
        ('{"schema": 0, "snapshot": {}}', "schema 0, this lab reads 1 and 2", "lab diagnose --save FILE"),
        ('{"schema": "3", "snapshot": {}}', "schema '3', this lab reads 1 and 2", "lab diagnose --save FILE"),
        ("[]", "schema None", "lab diagnose --save FILE"),
        ('{"schema": 1}', "KeyError: 'snapshot'", "lab diagnose --save FILE"),
        ('{"schema": 1, "snapshot": {"namespace": 5}}', "namespace", "lab diagnose --save FILE"),
        ('{"schema": 1', "JSONDecodeError", "lab diagnose --save FILE"),
    ],
)
def test_a_file_that_is_no_snapshot_is_refused(text: str, words: str, step: str, tmp_path: Path) -> None:
    """The error tells what was found in the file, and how to get a snapshot that can be read."""
    (tmp_path / "snapshot.json").write_text(text)
    with pytest.raises(DataFault) as caught:
        load(tmp_path / "snapshot.json")
    assert words in caught.value.found
    assert caught.value.next_step.startswith(step)
    assert len(str(caught.value).splitlines()) <= 5


@pytest.mark.parametrize(
    "text",
    [
        '{"schema": 1, "snapshot": {"namespace": "testbed", "taken_at": 1.0}}',
        '{"schema": 2, "snapshot": {"namespace": "testbed", "taken_at": 1.0, "target": "kubernetes"}}',
        '{"schema": 2, "snapshot": {"namespace": "testbed", "taken_at": 1.0, "probes": {"denials": []}}}',
    ],
    ids=["of-version-1", "with-a-field-that-is-gone", "without-a-field-that-is-new"],
)
def test_a_snapshot_of_an_older_lab_is_read(text: str, tmp_path: Path) -> None:
    """What it does not hold is as if it had not been asked."""
    (tmp_path / "snapshot.json").write_text(text)
    assert load(tmp_path / "snapshot.json") == Snapshot("testbed", 1.0)


@pytest.mark.parametrize("kind", ["missing", "folder"])
def test_a_path_that_cannot_be_read_is_shown(kind: str, tmp_path: Path) -> None:
    """The next step lists the path as a shell takes it, with its blanks."""
    path = tmp_path / "a folder"
    if kind == "folder":
        path.mkdir()
    with pytest.raises(DataFault) as refused:
        load(path)
    assert str(path) in refused.value.attempted
    assert (bool(refused.value.found), refused.value.next_step) == (True, f"ls -l '{path}'")
