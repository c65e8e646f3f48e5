"""Runs are listed in the order of their start, found by a part of their name, and removed with care."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lab.errors import DataFault, Unavailable, UsageFault
from lab.runs.contents import MANIFEST
from lab.runs.names import checked_name, is_made_here, new_name
from lab.runs.store import RunStore

NOW = datetime(2026, 11, 23, 6, 53, 12, tzinfo=UTC)
DAY_NS = 86_400_000_000_000
MADE = "2026-11-23-065312-k3f9-quickstart"


@given(purpose=st.text(max_size=80))
def test_every_purpose_can_be_made_into_an_id(purpose: str) -> None:
    """Time, four characters, purpose (`ARCHITECTURE.md` D48); it ends in no dash, and no other folder looks like it."""
    name = new_name(purpose, NOW)
    assert name.startswith("2026-11-23-065312-")
    assert checked_name(name) == name
    assert is_made_here(name)
    assert not name.endswith("-")


def test_names_of_one_second_differ() -> None:
    """Two runs may begin in the same second."""
    assert len({new_name("a", NOW) for _ in range(50)}) > 40


def test_the_newest_run_began_last(tmp_path: Path) -> None:
    """Its name does not matter."""
    days = iter((1, 3, 2))
    store = RunStore(tmp_path, clock=lambda: next(days) * DAY_NS)
    for name in ("zebra", "apple", "mango"):
        store.new("a", run_id=name)
    assert [run.run_id for run in store.all()] == ["apple", "mango", "zebra"]
    assert store.open("last").run_id == "apple"


def test_a_whole_id_wins_over_a_part_of_another(tmp_path: Path) -> None:
    """Else the shorter id could name no run."""
    store = RunStore(tmp_path)
    for name in ("base", "base-2"):
        store.new("a", run_id=name)
    assert store.open("base").run_id == "base"


def test_a_misspelt_id_is_answered_with_similar_ids(tmp_path: Path) -> None:
    """Not with the latest, which have nothing in common with it."""
    store = RunStore(tmp_path)
    for name in (MADE, "unrelated-1", "unrelated-2", "unrelated-3"):
        store.new("a", run_id=name)
    with pytest.raises(UsageFault, match="no run") as fault:
        store.open("2026-11-23-065312-k3f9-quikstart")
    assert f"near: {MADE}" in str(fault.value)
    assert "unrelated" not in str(fault.value)


@pytest.mark.parametrize("which", ["last", "", "anything"])
def test_nothing_is_found_where_nothing_is(tmp_path: Path, which: str) -> None:
    """Also before the first run makes the folder of runs."""
    store = RunStore(tmp_path / "runs")
    assert store.all() == []
    with pytest.raises(UsageFault, match="no run"):
        store.open(which)


def test_runs_that_cannot_be_read_are_listed(tmp_path: Path) -> None:
    """With half a manifest or without any; other folders and files are not listed."""
    store = RunStore(tmp_path)
    (store.new("a", run_id="torn").path / MANIFEST).write_text("{")
    (store.new("a", run_id=MADE).path / MANIFEST).unlink()
    (tmp_path / "notes").mkdir()
    (tmp_path / "2026-11-23-065312-k3f9-file").touch()
    runs = store.all()
    assert {run.run_id for run in runs} == {"torn", MADE}
    for run in runs:
        with pytest.raises(DataFault):
            run.document()


def test_a_folder_never_stands_without_a_manifest(tmp_path: Path) -> None:
    """A run that cannot be begun leaves nothing behind, and its id is free again."""
    store, unwritable = RunStore(tmp_path), {"parameters": {"x": _Unspeakable()}}
    with pytest.raises(ZeroDivisionError):
        store.new("a", run_id="one", **unwritable)  # type: ignore[arg-type]
    assert list(tmp_path.iterdir()) == []
    assert store.new("a", run_id="one").document()["status"] == "running"


def test_a_file_cannot_keep_runs(tmp_path: Path) -> None:
    """The message names the file."""
    (tmp_path / "runs").touch()
    with pytest.raises(Unavailable, match=r"cannot keep runs in .*runs"):
        RunStore(tmp_path / "runs").new("a")


def test_pruning_removes_what_cannot_be_read(tmp_path: Path) -> None:
    """A damaged run does not count as running."""
    store = RunStore(tmp_path)
    (store.new("a", run_id="torn").path / MANIFEST).write_text("{")
    store.new("a", run_id="alive")
    assert store.prune(keep=0) == ["torn"]
    assert [run.run_id for run in store.all()] == ["alive"]


def test_pruning_to_fewer_than_none_is_refused(tmp_path: Path) -> None:
    """A negative count would keep the oldest runs and remove the others."""
    store = RunStore(tmp_path)
    store.new("a", run_id="one").end("succeeded")
    with pytest.raises(UsageFault, match="keep"):
        store.prune(keep=-1)
    assert len(store.all()) == 1


class _Unspeakable:
    """A parameter that has no text."""

    def __str__(self) -> str:
        return str(1 / 0)
