"""A signal that asks the program to end also ends the phase that is under way; what was measured is kept."""

import signal
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Final

import pytest

from lab.errors import DataFault, Unavailable
from lab.interrupts import Interrupted, Interrupts
from lab.model import Fault, StoreView
from lab.runs.folder import RunFolder
from lab.runs.record import RunRecord, was_interrupted
from lab.runs.store import RunStore, folder_for
from lab.trials.trial import run_trial
from tests.fakes.ledger import FakeLedger
from tests.fakes.metrics import FakeMetrics
from tests.fakes.recorder import RecordingDisplay
from tests.fakes.world import EXPERIMENT, HASTY, PATIENT, World

WARM_UP: Final = "load …warmup"
LOAD: Final = "load …"


class Impatient(FakeLedger):
    """A ledger of a dead worker; a signal arrives at the third look at a run."""

    def __init__(self, interrupts: Interrupts) -> None:
        super().__init__(counted_per_view=0)
        self._interrupts, self._looks = interrupts, 0

    def view(self, run: str, *, audit: bool = False) -> StoreView:
        """See `LedgerSource.view`."""
        self._looks += 1
        if self._looks == 3:
            self._interrupts.receive(signal.SIGINT)
        return super().view(run, audit=audit)


def signals_at(*events: str, interrupts: Interrupts) -> Callable[[str], None]:
    """Return a watch that receives a signal whenever one of these events is noted, whatever the run's name."""

    def watch(event: str) -> None:
        load = WARM_UP if event.endswith(".warmup") else LOAD
        if (load if event.startswith("load ") else event) in events:
            interrupts.receive(signal.SIGINT)

    return watch


def interrupted_at(*events: str, ledger: FakeLedger | None = None) -> World:
    """Return a world in which a signal arrives at each of these events."""
    interrupts = Interrupts()
    watch = signals_at(*events, interrupts=interrupts)
    return World(ledger or FakeLedger(), interrupts=interrupts, watch=watch)


@pytest.fixture
def run(tmp_path: Path) -> RunFolder:
    """The folder of a run that was begun."""
    return RunStore(tmp_path / "runs").new("a")


@pytest.mark.parametrize("event", ["up", "store", WARM_UP, "warm-up"])
def test_before_the_load_nothing_is_measured(event: str, run: RunFolder) -> None:
    """The stack is taken down, and the record says that the run was interrupted."""
    world = interrupted_at(event)
    with pytest.raises(Interrupted), RunRecord(run, publish=lambda _: None) as record:
        run_trial(EXPERIMENT, world.parts, record, RecordingDisplay(note=world.watch))
    assert "load a-run" not in world.diary
    assert world.diary[-1] == "down"
    assert (run.manifest().status, run.manifest().headline) == ("interrupted", "")


def test_the_load_ends_and_its_events_are_drained_and_judged() -> None:
    """Half of it was sent."""
    world = interrupted_at(LOAD, ledger=FakeLedger(counted_per_view=7))
    trial = world.run()
    assert world.recorder.interrupted is True
    assert (trial.ledger.acknowledged, trial.ledger.counted) == (100, 100)
    assert world.display.message("interrupted").startswith("the load has ended")
    assert world.diary[-2:] == ["down", "recorded"]


@pytest.mark.parametrize("event", ["draining", "down"])
def test_after_the_load_everything_is_kept(event: str) -> None:
    """The trial is whole, and the record says that it was interrupted."""
    world = interrupted_at(event)
    trial = world.run()
    assert world.recorder.interrupted is True
    assert (trial.ledger.acknowledged, trial.ledger.counted) == (200, 200)


def test_draining_ends_for_a_signal() -> None:
    """However long the patience, with a worker that counts nothing and a server that scrapes nothing."""
    interrupts = Interrupts()
    patience = replace(PATIENT, first_scrape_s=HASTY.first_scrape_s)
    world = World(Impatient(interrupts), FakeMetrics(every_s=0), interrupts=interrupts, patience=patience)
    trial = world.run(replace(EXPERIMENT, warm_up=0.0))
    assert world.display.message("draining").endswith("no scrape after the last commit")
    assert (trial.ledger.acknowledged, trial.ledger.backlog, world.recorder.interrupted) == (200, 200, True)


def test_a_fault_is_undone_at_once() -> None:
    """A pause of a minute does not outlast the load."""
    world = interrupted_at(LOAD)
    pause = Fault("pause", "process-worker", at_s=0.0, seconds=60.0)
    [record] = world.run(replace(EXPERIMENT, faults=(pause,))).evidence.faults
    assert record.ended_ns - record.started_ns < 30 * 10**9


def test_an_error_that_follows_a_signal_is_an_interruption(run: RunFolder) -> None:
    """A stack that is taken away with its caller does not answer any more."""
    world = interrupted_at(LOAD)
    world = World(load_fails=Unavailable("gone"), interrupts=world.interrupts, watch=world.watch)
    with pytest.raises(Interrupted) as interrupt, RunRecord(run, publish=lambda _: None) as record:
        run_trial(EXPERIMENT, world.parts, record, RecordingDisplay())
    assert isinstance(interrupt.value.__cause__, Unavailable)
    assert run.manifest().status == "interrupted"


def test_an_error_without_a_signal_is_no_interruption() -> None:
    """It leaves as it came."""
    with pytest.raises(DataFault):
        World(load_fails=DataFault("no file")).run()


def test_no_run_of_a_notebook_follows_an_interrupted_one(tmp_path: Path) -> None:
    """The signal was meant for the notebook; the next notebook begins as ever."""
    store = RunStore(tmp_path / "runs")
    first = store.new("a")
    first.begin_measuring()
    second = folder_for(EXPERIMENT, store, begun=first.run_id)
    second.end("interrupted")
    first.end("succeeded")
    with pytest.raises(Interrupted):
        folder_for(EXPERIMENT, store, begun=first.run_id)
    assert folder_for(EXPERIMENT, store).manifest().is_fresh


def test_a_trial_knows_whether_its_record_says_interrupted(run: RunFolder) -> None:
    """A trial without a record was not."""
    world = interrupted_at(LOAD)
    with RunRecord(run, publish=lambda _: None) as record:
        trial = run_trial(EXPERIMENT, world.parts, record, RecordingDisplay())
    assert was_interrupted(trial)
    assert not was_interrupted(replace(trial, folder=""))


def test_a_signal_while_the_record_is_written_is_in_the_record(run: RunFolder) -> None:
    """The trial is whole on the disk, and its caller sees the interruption."""
    interrupts = Interrupts()
    world = World(interrupts=interrupts)
    record = RunRecord(run, publish=lambda _: interrupts.receive(signal.SIGINT))
    with pytest.raises(Interrupted), record:
        run_trial(EXPERIMENT, world.parts, record, RecordingDisplay())
    manifest = run.manifest()
    assert (manifest.status, bool(manifest.headline)) == ("interrupted", True)
