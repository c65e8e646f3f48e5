"""What every recorder does: the record in a run's folder, and the recorder in memory that other tests use."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from lab.runs.manifest import INTERRUPTED
from lab.runs.record import RunRecord
from lab.runs.store import RunStore
from lab.trials.ports import Recorder
from tests.fakes.recorder import FakeRecorder
from tests.unit import trials


class Kept(NamedTuple):
    """A recorder, and what it has kept: names of logs, and whether the run was interrupted."""

    recorder: Recorder
    logs: Callable[[], set[str]]
    was_interrupted: Callable[[], bool]


@pytest.fixture(params=["folder", "memory"])
def kept(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Kept]:
    """Yield each recorder of a run that has begun."""
    if request.param == "memory":
        fake = FakeRecorder()
        yield Kept(fake, lambda: set(fake.handed_logs), lambda: fake.interrupted is True)
        return
    run = RunStore(tmp_path / "runs").new("a")
    with RunRecord(run, publish=lambda _: None) as record:
        yield Kept(
            record,
            lambda: {log.stem for log in (run.path / "logs").glob("*.log")},
            lambda: run.document()["status"] == INTERRUPTED,
        )


def test_a_trial_comes_back_with_its_folder(kept: Kept) -> None:
    """The folder is the run's; nothing else changes."""
    judged = trials.trial()
    recorded = kept.recorder.succeeded(judged, interrupted=False)
    assert Path(recorded.folder).name == kept.recorder.run_id
    assert recorded.evidence is judged.evidence
    assert (recorded.run_id, recorded.verdict, recorded.validity) == (judged.run_id, judged.verdict, judged.validity)


def test_a_run_has_one_name(kept: Kept) -> None:
    """It stays when the trial is recorded."""
    name = kept.recorder.run_id
    kept.recorder.succeeded(trials.trial(), interrupted=False)
    assert kept.recorder.run_id == name != ""


@pytest.mark.parametrize("interrupted", [False, True])
def test_the_record_says_whether_the_load_was_interrupted(kept: Kept, *, interrupted: bool) -> None:
    """An interrupted trial was judged all the same."""
    kept.recorder.succeeded(trials.trial(), interrupted=interrupted)
    assert kept.was_interrupted() is interrupted


def test_logs_are_kept_by_program(kept: Kept, tmp_path: Path) -> None:
    """Also before, and without, a trial that succeeds."""
    files = {name: tmp_path / f"{name}.txt" for name in ("redis", "query-api")}
    for name, file in files.items():
        file.write_text(f"a line of {name}\n")
    kept.recorder.keep_logs(files)
    assert kept.logs() == {"redis", "query-api"}


def test_a_log_that_is_gone_is_no_error(kept: Kept, tmp_path: Path) -> None:
    """A program that never started wrote none."""
    kept.recorder.keep_logs({"redis": tmp_path / "missing"})
    assert kept.recorder.succeeded(trials.trial(), interrupted=False).folder
