"""A run that is interrupted leaves its record, undoes its faults and leaves the stack as it was."""

import json
import os
import random
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from pathlib import Path
from typing import Final

import psutil
import pytest
from jupyter_client.manager import start_new_kernel

from lab.cli import main
from lab.cli.app import EXIT_CODES
from lab.runs.evidence import load_trial
from lab.runs.folder import PROGRESS, RunFolder
from lab.settings import environment_with, load_settings
from lab.targets.processes.deployment import ProcessDeployment
from lab.targets.processes.target import ProcessTarget
from lab.wiring import ledger_source
from tests.integration.test_lab_run import PROJECT, processes_below
from tests.waiting import until

BASELINE: Final = str(PROJECT / "notebooks" / "10_baseline.ipynb")
LAB: Final = [sys.executable, "-c", "import sys; from lab.cli import main; sys.exit(main())"]
LONG: Final = ["-p", "duration", "120", "-p", "rate", "500"]
DEADLINE_S: Final = 120
SCRIPT: Final = """
import lab
pause = lab.pause("query-api", at_s=0.5, seconds=300)
lab.run(lab.Experiment("paused", lab.load("synthetic", rate=500), (), duration=120, warm_up=0, faults=[pause]))
"""
CELL: Final = """
import lab
trial = lab.run(lab.Experiment("in-a-cell", lab.load("synthetic", rate=500), (), duration=120, warm_up=0))
"""

pytestmark = pytest.mark.timeout(3 * DEADLINE_S)


@pytest.fixture(scope="module")
def state(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The state folder of a stack that is up."""
    folder = str(tmp_path_factory.mktemp("state"))
    with environment_with(LAB_STATE_DIR=folder):
        assert main(["up"]) == 0
        yield folder
        assert main(["down"]) == 0


def kept(state: str) -> ProcessDeployment:
    """Return the stack that is up."""
    deployment = ProcessTarget(load_settings(state_dir=Path(state))).current()
    assert deployment is not None
    return deployment


def run_in(runs: Path) -> RunFolder:
    """Return the only run in a folder."""
    [path] = [path for path in runs.iterdir() if not path.name.startswith(".")]
    return RunFolder(path)


def told(runs: Path, *words: str) -> Callable[[], bool]:
    """Return a condition: the only run has told all these words of its progress."""

    def condition() -> bool:
        text = "".join(file.read_text() for file in runs.glob(f"*/{PROGRESS}"))
        return all(re.search(word, text) for word in words)

    return condition


def interrupted(command: list[str], number: int, *, when: Callable[[], bool], variables: Mapping[str, str]) -> int:
    """Send a signal to a program once a condition holds; return its exit code."""
    environment = os.environ | dict(variables)  # noqa: TID251  a child inherits it
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as program:
        try:
            until(lambda: when() or program.poll() is not None, within_s=DEADLINE_S)
            program.send_signal(number)
            output, _ = program.communicate(timeout=DEADLINE_S)
        finally:
            program.kill()
    assert "Traceback" not in output.decode()
    return program.returncode


def accepted(state: str) -> int:
    """Return the events that the stack has accepted since it is up."""
    with closing(ledger_source(kept(state).endpoints)) as ledger:
        return ledger.view("").balance.accepted


def after(condition: Callable[[], bool], *, seconds: float) -> Callable[[], bool]:
    """Return a condition that holds so many seconds after another one first held."""
    ends: list[float] = []

    def later() -> bool:
        if not ends and condition():
            ends.append(time.monotonic() + seconds)
        return bool(ends) and time.monotonic() >= ends[0]

    return later


@pytest.mark.in_turn(3)
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_load_that_is_interrupted_is_recorded(state: str, tmp_path: Path, number: int) -> None:
    """With its samples, judged; the stack that was up stays up, and the exit code is the one that shells expect."""
    runs, before = tmp_path / "runs", kept(state).endpoints
    folders = {"LAB_RUNS_DIR": str(runs), "LAB_STATE_DIR": state}
    begun = told(runs, r'"measuring", "progress": {"elapsed_s": [1-9]')
    command = [*LAB, "run", BASELINE, *LONG, "-p", "warm_up", "0.5"]
    assert interrupted(command, number, when=begun, variables=folders) == 128 + number
    run = run_in(runs)
    manifest, trial = run.manifest(), load_trial(run.path)
    assert (manifest.status, bool(manifest.headline)) == ("interrupted", True)
    assert trial.evidence.load_run.stopped
    assert trial.ledger.counted == trial.ledger.acknowledged == trial.evidence.load_run.samples.events.sum() > 0
    assert {"report.html", "samples.parquet", "logs"} <= {path.name for path in run.path.iterdir()}
    assert kept(state).endpoints == before
    assert all(status.healthy for status in kept(state).statuses())


def test_a_warm_up_that_is_interrupted_measures_nothing(state: str, tmp_path: Path) -> None:
    """The stack stays up, and no load goes on in it."""
    runs = tmp_path / "runs"
    folders = {"LAB_RUNS_DIR": str(runs), "LAB_STATE_DIR": state}
    command = [*LAB, "run", BASELINE, *LONG, "-p", "warm_up", "60"]
    begun = told(runs, r'"warm-up", "progress"')
    assert interrupted(command, signal.SIGINT, when=begun, variables=folders) == 130
    manifest = run_in(runs).manifest()
    assert (manifest.status, manifest.headline) == ("interrupted", "")
    assert all(status.healthy for status in kept(state).statuses())


def test_a_stack_that_is_being_deployed_is_taken_down(tmp_path: Path) -> None:
    """Nothing is left of it but its logs, in the run."""
    runs, own = tmp_path / "runs", tmp_path / "state"
    folders = {"LAB_RUNS_DIR": str(runs), "LAB_STATE_DIR": str(own)}

    def begun() -> bool:
        return any(own.glob("stacks/run-*/stack.json"))

    assert interrupted([*LAB, "run", BASELINE], signal.SIGTERM, when=begun, variables=folders) == 143
    run = run_in(runs)
    assert run.manifest().status == "interrupted"
    assert (run.path / "logs").is_dir()
    until(lambda: processes_below(str(own)) == [], within_s=10)


def test_draining_that_is_interrupted_keeps_what_was_measured(tmp_path: Path) -> None:
    """A worker that is too slow leaves a backlog, which the record shows."""
    runs = tmp_path / "runs"
    folders = {"LAB_RUNS_DIR": str(runs), "LAB_STATE_DIR": str(tmp_path / "state"), "LAB_WORKER_COST_US": "5000"}
    command = [*LAB, "run", BASELINE, "-p", "duration", "3", "-p", "rate", "2000", "-p", "warm_up", "0"]
    sent = told(runs, r'"measuring", "progress": {"elapsed_s": 2\.[89]')
    assert interrupted(command, signal.SIGINT, when=after(sent, seconds=1.5), variables=folders) == 130
    run = run_in(runs)
    assert run.manifest().status == "interrupted"
    trial = load_trial(run.path)
    assert trial.ledger.backlog > 0
    assert len(trial.evidence.load_run.samples) > 0


@pytest.mark.in_turn(10, family="interrupts at any moment")
@pytest.mark.chaos
@pytest.mark.parametrize("seed", range(20))
def test_an_interrupt_at_any_moment_keeps_what_was_measured(tmp_path: Path, seed: int) -> None:
    """From the run's first file until after its end. No process of its stack is left."""
    draw = random.Random(seed)
    number, later_s = draw.choice([signal.SIGINT, signal.SIGTERM, signal.SIGHUP]), draw.uniform(0.0, 14.0)
    runs, state = tmp_path / "runs", tmp_path / "state"
    begun = after(lambda: any(runs.glob("*/run.json")), seconds=later_s)
    is_measuring, measured = told(runs, r'"measuring", "progress": {"elapsed_s": [1-9]'), list[bool]()

    def moment() -> bool:
        measured.append(is_measuring())
        return begun()

    command = [*LAB, "run", BASELINE, "-p", "duration", "4", "-p", "rate", "500", "-p", "warm_up", "1"]
    folders = {"LAB_RUNS_DIR": str(runs), "LAB_STATE_DIR": str(state)}
    code = interrupted(command, number, when=moment, variables=folders)
    run = run_in(runs)
    manifest, context = run.manifest(), f"{signal.Signals(number).name} {later_s:.1f} s after the beginning"
    assert manifest.status in {"interrupted", "succeeded"}, f"{context}: {manifest.reason}"
    expected = {128 + number} if manifest.status == "interrupted" else {128 + number, *EXIT_CODES.values()}
    assert code in expected, context
    assert manifest.headline or not any(measured), f"{context}: nothing was kept"
    if manifest.headline:
        trial = load_trial(run.path)
        assert trial.ledger.lost == trial.ledger.double_counted == 0, context
        assert len(trial.evidence.load_run.samples) > 0, context
    until(lambda: processes_below(str(state)) == [], within_s=10)


def test_a_script_undoes_its_fault_and_ends_by_the_signal(state: str, tmp_path: Path) -> None:
    """A paused service goes on at once, and the record is complete before the script ends."""
    runs = tmp_path / "runs"
    folders = {"LAB_RUNS_DIR": str(runs), "LAB_STATE_DIR": state}
    program = kept(state).state.program("query-api")
    assert program is not None
    service = psutil.Process(program.pid)

    def paused() -> bool:
        return bool(service.status() == psutil.STATUS_STOPPED)

    command = [sys.executable, "-c", SCRIPT]
    assert interrupted(command, signal.SIGTERM, when=paused, variables=folders) == -signal.SIGTERM
    assert not paused()
    manifest, trial = run_in(runs).manifest(), load_trial(run_in(runs).path)
    assert manifest.status == "interrupted"
    [fault] = trial.evidence.faults
    assert fault.ended_ns - fault.started_ns < DEADLINE_S * 10**9


def test_the_stop_button_of_a_notebook_keeps_the_trial(state: str, tmp_path: Path) -> None:
    """It interrupts the kernel; the cell then ends with its trial, and the next cell shows that trial."""
    runs, before = tmp_path / "runs", accepted(state)
    with environment_with(LAB_RUNS_DIR=str(runs), LAB_STATE_DIR=state):
        manager, client = start_new_kernel(kernel_name="python3", cwd=str(PROJECT))
    try:
        client.execute(CELL)
        until(lambda: accepted(state) > before, within_s=DEADLINE_S)
        manager.interrupt_kernel()
        reply = client.execute_interactive(
            "assert trial.evidence.load_run.stopped; assert trial.ledger.acknowledged > 0", timeout=DEADLINE_S
        )
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)
    assert reply["content"]["status"] == "ok", json.dumps(reply["content"], default=str)
    assert run_in(runs).manifest().status == "interrupted"
