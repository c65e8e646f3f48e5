"""Running a notebook leaves evidence on every way out; shown on small notebooks that start no stack."""

import json
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from lab.errors import InternalFault, UsageFault
from lab.runs.folder import RunFolder
from lab.runs.notebooks import run_notebook
from lab.runs.store import RunStore
from tests.waiting import until

PARAMETERS = 'word: str = "hello"  # what is said\n'
SUCCEEDS = """
from pathlib import Path
from lab.runs.store import RunStore
from lab.settings import load_settings
settings = load_settings()
RunStore(settings.runs_dir).open(settings.run_id).update(status="succeeded", said=word)
"""
DEADLINE_S = 60

pytestmark = pytest.mark.timeout(2 * DEADLINE_S)


def notebook(folder: Path, *aggregates: str) -> Path:
    """A notebook with a parameter and these cells."""
    sources = [(PARAMETERS, ["parameters"]), *((cell, []) for cell in aggregates)]
    empty: dict[str, Any] = {"cell_type": "code", "outputs": [], "execution_count": None}
    document = {
        "cells": [
            empty | {"id": f"cell-{i}", "metadata": {"tags": tags}, "source": source}
            for i, (source, tags) in enumerate(sources)
        ],
        "metadata": {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}},
        "nbformat": 4,
        "nbformat_minor": 5,
    }
    path = folder / "question.ipynb"
    path.write_text(json.dumps(document))
    return path


def begun(folder: Path) -> RunFolder:
    """A run that was begun."""
    return RunStore(folder / "runs").new("question")


def test_parameters_reach_the_kernel_and_the_notebook_is_kept(tmp_path: Path) -> None:
    """The executed notebook lies in the run's folder."""
    run = begun(tmp_path)
    run_notebook(notebook(tmp_path, SUCCEEDS), run, {"word": "good day"}, project=tmp_path)
    assert (run.manifest()["status"], run.manifest()["said"]) == ("succeeded", "good day")
    executed = json.loads((run.path / "question.ipynb").read_text())
    assert "good day" in json.dumps(executed["cells"])


def test_a_kernel_that_is_killed_is_named(tmp_path: Path) -> None:
    """Exit 70, and the run is a failed one."""
    run = begun(tmp_path)
    with pytest.raises(InternalFault) as dead:
        run_notebook(notebook(tmp_path, "import os, signal; os.kill(os.getpid(), 9)"), run, {}, project=tmp_path)
    assert (dead.value.reason, dead.value.exit_code) == ("KERNEL_DIED", 70)
    assert run.manifest()["status"] == "failed"


def test_our_own_errors_keep_their_words(tmp_path: Path) -> None:
    """What the library said in the kernel is what the command line says, with the same code."""
    raising = (
        'from lab.errors import UsageFault; raise UsageFault("no such thing", found="only others", next_step="ask")'
    )
    run = begun(tmp_path)
    with pytest.raises(UsageFault) as fault:
        run_notebook(notebook(tmp_path, raising), run, {}, project=tmp_path)
    assert str(fault.value).splitlines() == ["no such thing", "  only others", "  do: ask"]
    assert run.manifest()["status"] == "failed"


def test_a_cell_that_fails_after_the_run_fails_it(tmp_path: Path) -> None:
    """A notebook is one thing: half of it is no success."""
    run = begun(tmp_path)
    with pytest.raises(InternalFault, match="cell 3 failed"):
        run_notebook(notebook(tmp_path, SUCCEEDS, "1 / 0"), run, {}, project=tmp_path)
    assert run.manifest()["status"] == "failed"


def test_a_notebook_that_measures_nothing_is_told(tmp_path: Path) -> None:
    """It ended well, and there is no run."""
    run = begun(tmp_path)
    with pytest.raises(InternalFault, match=r"without calling lab\.run"):
        run_notebook(notebook(tmp_path, "1 + 1"), run, {}, project=tmp_path)
    assert run.manifest()["status"] == "failed"


def test_the_first_ctrl_c_goes_to_the_kernel(tmp_path: Path) -> None:
    """It may end its load and keep what it has; here it writes down that it heard."""
    cell = """
import threading
try:
    threading.Event().wait(60)
except KeyboardInterrupt:
    heard = True
"""
    path = notebook(tmp_path, "open('started', 'w').close()", cell, "assert heard", SUCCEEDS)
    code = f"""
from pathlib import Path
from lab.runs.notebooks import run_notebook
from lab.runs.store import RunStore
run = RunStore(Path({str(tmp_path / "runs")!r})).new("question", run_id="interrupted")
run_notebook(Path({str(path)!r}), run, {{}}, project=Path({str(tmp_path)!r}))
"""
    with subprocess.Popen([sys.executable, "-c", code]) as process:
        until((tmp_path / "started").exists, within_s=DEADLINE_S)
        threading.Event().wait(0.5)
        process.send_signal(signal.SIGINT)
        assert process.wait(DEADLINE_S) == 0
    assert RunFolder(tmp_path / "runs" / "interrupted").manifest()["status"] == "succeeded"
