"""A manifest is replaced whole, is plain JSON, and tells whether its process lives."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import psutil
import pytest

from lab.errors import DataFault
from lab.runs.contents import MANIFEST
from lab.runs.folder import ROOM, ROOM_BYTES, RunFolder
from lab.runs.store import RunStore


def rewritten(run: RunFolder, **facts: object) -> RunFolder:
    """Return the run with other facts in its file."""
    file = run.path / MANIFEST
    file.write_text(json.dumps(json.loads(file.read_text()) | facts))
    return run


def test_an_update_keeps_the_other_facts(tmp_path: Path) -> None:
    """Also a fact that this version of the lab does not know; every reader sees the change."""
    run = rewritten(RunStore(tmp_path).new("a", parameters={"rate": 5.0}), answer=42)
    run.end("succeeded")
    manifest = RunFolder(run.path).document()
    assert (manifest["parameters"], manifest["status"], manifest["answer"]) == ({"rate": 5.0}, "succeeded", 42)


def test_a_manifest_is_replaced_and_never_written_into(tmp_path: Path) -> None:
    """A reader that has the old one open reads it to its end, as it was."""
    run = RunStore(tmp_path).new("a")
    with (run.path / MANIFEST).open() as reader:
        run.begin_measuring()
        assert "measuring" not in json.load(reader)
    assert run.document()["measuring"] is True


@pytest.mark.parametrize("status", ["succeeded", "failed", "interrupted"])
def test_room_is_set_aside_until_the_run_ends(tmp_path: Path, status: str) -> None:
    """A run that fills the disk can still record its end; the room is freed then."""
    run = RunStore(tmp_path).new("a")
    run.begin_measuring()
    assert (run.path / ROOM).stat().st_size == ROOM_BYTES
    run.end(status)
    assert [path.name for path in run.path.iterdir()] == [MANIFEST]


def test_a_new_run_is_its_owners_alone(tmp_path: Path) -> None:
    """Parameters and logs may show what other users of the machine should not see."""
    run = RunStore(tmp_path).new("a")
    assert [path.stat().st_mode & 0o777 for path in (run.path, run.path / MANIFEST)] == [0o700, 0o600]


def test_numbers_of_numpy_are_numbers_and_nan_is_null(tmp_path: Path) -> None:
    """A count is never a string, and the text is JSON for every reader."""
    run = RunStore(tmp_path).new("a")
    given = {"count": np.int64(3), "rate": np.float64(0.5), "gone": float("nan"), "far": float("inf")}
    others = {"where": Path("a.csv"), "flag": True, "deep": [{"x": np.array([1.0])[0] > 0}]}
    run.update(lambda manifest: replace(manifest, trial={**given, **others}))

    def refuse(word: str) -> object:
        raise AssertionError(word)

    manifest = json.loads((run.path / MANIFEST).read_text(), parse_constant=refuse)
    assert [manifest[name] for name in given] == [3, 0.5, None, None]
    assert [manifest[name] for name in ("where", "flag", "deep")] == ["a.csv", True, [{"x": True}]]


def test_a_process_number_that_is_used_again_is_not_the_run(tmp_path: Path) -> None:
    """A process is known by its number and its start time; this process started at another time."""
    here = psutil.Process()
    run = rewritten(RunStore(tmp_path).new("a"), process=[here.pid, here.create_time() - 3_600])
    assert run.document()["status"] == "failed"


@pytest.mark.parametrize("process", [None, [], [1], "1"])
def test_a_running_run_without_a_process_has_failed(tmp_path: Path, process: object) -> None:
    """No process can end it."""
    assert rewritten(RunStore(tmp_path).new("a"), process=process).document()["status"] == "failed"


def test_an_ended_run_needs_no_process(tmp_path: Path) -> None:
    """The recorded end holds when the process is gone."""
    run = rewritten(RunStore(tmp_path).new("a"), process=[1, 0.0], status="interrupted")
    assert run.document()["status"] == "interrupted"


@pytest.mark.parametrize("text", ["", '{"status": "succ', "[]", "{}", "\x00" * 40])
def test_a_damaged_manifest_is_neither_read_nor_built_upon(tmp_path: Path, text: str) -> None:
    """Reading raises, and an update does not make a manifest of it that looks sound."""
    run = RunStore(tmp_path).new("a")
    (run.path / MANIFEST).write_text(text)
    for use in (run.manifest, lambda: run.end("succeeded")):
        with pytest.raises(DataFault) as fault:
            use()
        assert fault.value.reason == "CORRUPT_RUN"
        assert str(fault.value).startswith(f"cannot read the run in {run.path}")
        assert "run.json" in fault.value.found
        assert fault.value.next_step
    assert (run.path / MANIFEST).read_text() == text


def test_a_run_is_dated_by_the_clock_of_its_store(tmp_path: Path) -> None:
    """In UTC, to the millisecond; its name bears the time of its beginning."""
    times = iter((1_800_000_000_000_000_000, 1_800_000_005_250_000_000))
    run = RunStore(tmp_path, clock=lambda: next(times)).new("a")
    run.end("succeeded")
    manifest = run.manifest()
    assert (manifest.started, manifest.ended) == ("2027-01-15T08:00:00.000+00:00", "2027-01-15T08:00:05.250+00:00")
    assert run.run_id.startswith("2027-01-15-080000-")


def test_measuring_begins_once(tmp_path: Path) -> None:
    """A second `lab.run` in the same kernel sees that the folder is used."""
    run = RunStore(tmp_path).new("a")
    assert run.manifest().is_fresh
    run.begin_measuring()
    assert not run.manifest().is_fresh
