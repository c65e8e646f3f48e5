"""A notebook leaves evidence however it ends; shown on small notebooks that start no stack."""

import json
import signal
import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from lab.errors import InternalFault, Unavailable, UsageFault, to_data
from lab.runs.folder import RunFolder
from lab.runs.notebooks.execution import run_notebook
from lab.runs.notebooks.forwarding import PASSED_ON
from lab.runs.store import RunStore
from tests.waiting import until

PARAMETERS = 'word: str = "hello"  # a greeting\n'
SUCCEEDS = """
from dataclasses import replace
from lab.runs.store import RunStore
from lab.settings import load_settings
settings = load_settings()
run = RunStore(settings.runs_dir).open(settings.run_id)
run.update(lambda manifest: replace(manifest, status="succeeded", trial={"greeting": word}))
"""
FAULT = """
from lab.errors import Unavailable
fault = Unavailable("no such thing", found="a\\nb\\nc\\nd\\ndo: not this", next_step="ask", code="NO_THING")
"""
RECORDS_FAULT = """
from lab.runs.record import RunRecord
from lab.runs.store import RunStore
from lab.settings import load_settings
settings = load_settings()
with RunRecord(RunStore(settings.runs_dir).open(settings.run_id), publish=lambda trial: None):
    raise fault
"""
DEADLINE_S = 60

pytestmark = pytest.mark.timeout(2 * DEADLINE_S)


def notebook(folder: Path, *cells: str, tags: Sequence[str] = ()) -> Path:
    """Return a notebook with a parameter and these cells, which have the tags."""
    sources = [(PARAMETERS, ["parameters"]), *((cell, [*tags]) for cell in cells)]
    empty: dict[str, Any] = {"cell_type": "code", "outputs": [], "execution_count": None}
    document = {
        "cells": [
            empty | {"id": f"cell-{index}", "metadata": {"tags": tagged}, "source": source}
            for index, (source, tagged) in enumerate(sources)
        ],
        "metadata": {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}},
        "nbformat": 4,
        "nbformat_minor": 5,
    }
    path = folder / "question.ipynb"
    path.write_text(json.dumps(document))
    return path


def begun(folder: Path) -> RunFolder:
    """Return a run that was begun."""
    return RunStore(folder / "runs").new("question")


def test_parameters_reach_the_kernel_and_the_notebook_is_kept(tmp_path: Path) -> None:
    """The executed notebook lies in the run's folder."""
    run = begun(tmp_path)
    run_notebook(notebook(tmp_path, SUCCEEDS), run, {"word": "good day"}, project=tmp_path)
    assert (run.document()["status"], run.document()["greeting"]) == ("succeeded", "good day")
    executed = json.loads((run.path / "question.ipynb").read_text())
    assert "good day" in json.dumps(executed["cells"])


def test_a_kernel_that_is_killed_is_named(tmp_path: Path) -> None:
    """Exit 70, and the run is a failed one."""
    run = begun(tmp_path)
    with pytest.raises(InternalFault) as dead:
        run_notebook(notebook(tmp_path, "import os, signal; os.kill(os.getpid(), 9)"), run, {}, project=tmp_path)
    assert (dead.value.reason, dead.value.exit_code) == ("KERNEL_DIED", 70)
    assert run.document()["status"] == "failed"


def test_an_error_of_the_lab_keeps_its_words(tmp_path: Path) -> None:
    """The command line shows the error as the kernel raised it, before there is a record of the run."""
    raising = (
        'from lab.errors import UsageFault; raise UsageFault("no such thing", found="only others", next_step="ask")'
    )
    run = begun(tmp_path)
    with pytest.raises(UsageFault) as fault:
        run_notebook(notebook(tmp_path, raising), run, {}, project=tmp_path)
    assert str(fault.value).splitlines() == ["no such thing", "  only others", "  do: ask"]


def test_a_notebook_that_was_misused_leaves_no_run(tmp_path: Path) -> None:
    """What makes no sense was refused before anything began, so that the last run is the one from before."""
    store = RunStore(tmp_path / "runs")
    before, run = store.new("question"), begun(tmp_path)
    with pytest.raises(UsageFault):
        run_notebook(
            notebook(tmp_path, "from lab.errors import UsageFault; raise UsageFault('no')"), run, {}, project=tmp_path
        )
    assert [kept.run_id for kept in store.all()] == [before.run_id]


@pytest.mark.parametrize("cell", ["raise fault", RECORDS_FAULT], ids=["before the record", "in the record"])
def test_an_error_of_the_lab_arrives_with_all_its_parts(tmp_path: Path, cell: str) -> None:
    """As data, in the manifest and for the caller: also the lines that no terminal shows."""
    run = begun(tmp_path)
    with pytest.raises(Unavailable) as raised:
        run_notebook(notebook(tmp_path, FAULT, cell), run, {}, project=tmp_path)
    fault, manifest = raised.value, run.document()
    assert (fault.found, fault.next_step, fault.reason) == ("a\nb\nc\nd\ndo: not this", "ask", "NO_THING")
    assert manifest["error"] == to_data(fault)
    assert (manifest["status"], manifest["exit_code"], manifest["reason"]) == ("failed", 69, str(fault))
    assert manifest["ended"]
    assert {path.name for path in run.path.iterdir()} == {"run.json", "question.ipynb"}


def test_an_error_that_a_cell_may_raise_is_not_the_end(tmp_path: Path) -> None:
    """A later cell ends the notebook, and its error is the one that is told."""
    run = begun(tmp_path)
    path = notebook(tmp_path, FAULT, "raise fault", tags=["raises-exception"])
    document = json.loads(path.read_text())
    document["cells"].append(document["cells"][0] | {"id": "last", "metadata": {"tags": []}, "source": "1 / 0"})
    path.write_text(json.dumps(document))
    with pytest.raises(InternalFault, match="cell 4 failed") as raised:
        run_notebook(path, run, {}, project=tmp_path)
    assert "ZeroDivisionError" in raised.value.found
    assert run.document()["error"]["kind"] == "InternalFault"


def test_a_cell_that_fails_after_the_run_fails_it(tmp_path: Path) -> None:
    """Half a notebook is no success."""
    run = begun(tmp_path)
    with pytest.raises(InternalFault, match="cell 3 failed"):
        run_notebook(notebook(tmp_path, SUCCEEDS, "1 / 0"), run, {}, project=tmp_path)
    assert run.document()["status"] == "failed"


def test_a_notebook_that_measures_nothing_is_a_failed_run(tmp_path: Path) -> None:
    """The notebook ended well, and there is no trial."""
    run = begun(tmp_path)
    with pytest.raises(InternalFault, match=r"without calling lab\.run"):
        run_notebook(notebook(tmp_path, "1 + 1"), run, {}, project=tmp_path)
    assert run.document()["status"] == "failed"


MEASURES = """
from lab.runs.store import RunStore
from lab.settings import load_settings
settings = load_settings()
run = RunStore(settings.runs_dir).open(settings.run_id)
run.begin_measuring()
"""
REMEMBERS = """
import threading
try:
    open("waiting", "w").close()
    threading.Event().wait(60)
except KeyboardInterrupt:
    run.end("interrupted")
"""
WAITS = """
import threading
open("waiting", "w").close()
threading.Event().wait(60)
"""
PROGRAM = """
import sys
from pathlib import Path
from lab.interrupts import Interrupted, exit_code_of
from lab.runs.notebooks.execution import run_notebook
from lab.runs.store import RunStore
run = RunStore(Path("runs").absolute()).new("question", run_id="a-run")
try:
    run_notebook(Path("question.ipynb"), run, {}, project=Path.cwd())
except Interrupted as interrupt:
    sys.exit(exit_code_of(interrupt))
"""


def signalled(folder: Path, number: int, *cells: str) -> int:
    """Return the exit code of a program that runs a notebook with these cells, after a signal while one waits."""
    notebook(folder, *cells)
    with subprocess.Popen([sys.executable, "-c", PROGRAM], cwd=folder) as process:
        until((folder / "waiting").exists, within_s=DEADLINE_S)
        process.send_signal(number)
        return process.wait(DEADLINE_S)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_goes_to_the_kernel_while_it_measures(tmp_path: Path, number: int) -> None:
    """The kernel ends its load and keeps what it has; the cells after it run. Here a cell remembers the signal."""
    assert signalled(tmp_path, number, MEASURES, REMEMBERS, "open('reached', 'w').close()") == 128 + number
    assert RunFolder(tmp_path / "runs" / "a-run").manifest().status == "interrupted"
    assert (tmp_path / "reached").exists()


def test_a_signal_ends_a_notebook_that_measures_nothing(tmp_path: Path) -> None:
    """Before its trial, for example."""
    assert signalled(tmp_path, signal.SIGINT, WAITS) == 130
    assert RunFolder(tmp_path / "runs" / "a-run").manifest().status == "interrupted"


def test_a_signal_after_the_trial_ends_the_notebook(tmp_path: Path) -> None:
    """The trial stays recorded, and the run says that it was interrupted."""
    assert signalled(tmp_path, signal.SIGTERM, SUCCEEDS, WAITS) == 143
    document = RunFolder(tmp_path / "runs" / "a-run").document()
    assert (document["status"], document["greeting"]) == ("interrupted", "hello")


def test_a_kernel_that_does_not_end_is_left(tmp_path: Path) -> None:
    """After the last signal that the kernel gets, one more ends the program."""
    deaf = """
import signal, threading
signal.signal(signal.SIGINT, signal.SIG_IGN)
open("waiting", "w").close()
threading.Event().wait(60)
"""
    notebook(tmp_path, MEASURES, deaf)
    with subprocess.Popen([sys.executable, "-c", PROGRAM], cwd=tmp_path) as process:
        until((tmp_path / "waiting").exists, within_s=DEADLINE_S)
        for _ in range(PASSED_ON + 1):
            process.send_signal(signal.SIGINT)
            threading.Event().wait(0.3)
        assert process.wait(DEADLINE_S) == 130


def test_a_kernel_of_another_python_is_not_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever kernel of that name a person has installed."""
    foreign = tmp_path / "jupyter" / "kernels" / "python3"
    foreign.mkdir(parents=True)
    argv = ["/nowhere/bin/python", "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    (foreign / "kernel.json").write_text(json.dumps({"argv": argv, "display_name": "mine", "language": "python"}))
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path / "jupyter"))
    run = begun(tmp_path)
    run_notebook(notebook(tmp_path, SUCCEEDS), run, {}, project=tmp_path)
    assert run.manifest().status == "succeeded"


def test_a_notebook_needs_no_kernel_in_its_metadata(tmp_path: Path) -> None:
    """A notebook that a program wrote often has none."""
    path, run = notebook(tmp_path, SUCCEEDS), begun(tmp_path)
    path.write_text(json.dumps(json.loads(path.read_text()) | {"metadata": {}}))
    run_notebook(path, run, {"word": "good day"}, project=tmp_path)
    assert run.document()["greeting"] == "good day"


def test_a_long_path_for_temporary_files_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A socket's path has an end, and the message names the variable."""
    folder = tmp_path / ("x" * 120)
    folder.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(folder))
    run = begun(tmp_path)
    with pytest.raises(Unavailable, match="TMPDIR is too long"):
        run_notebook(notebook(tmp_path, SUCCEEDS), run, {}, project=tmp_path)
    assert run.manifest().status == "failed"


def test_a_run_that_failed_fails_its_notebook(tmp_path: Path) -> None:
    """Even where a cell goes on after the error."""
    caught = RECORDS_FAULT.replace("with RunRecord", "try:\n  with RunRecord").replace(
        "    raise fault", "    raise fault\nexcept Unavailable:\n  pass"
    )
    run = begun(tmp_path)
    with pytest.raises(InternalFault, match="its run failed"):
        run_notebook(notebook(tmp_path, FAULT, caught), run, {}, project=tmp_path)
