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
from lab.runs.notebooks import run_notebook
from lab.runs.store import RunStore
from tests.waiting import until

PARAMETERS = 'word: str = "hello"  # a greeting\n'
SUCCEEDS = """
from pathlib import Path
from lab.runs.store import RunStore
from lab.settings import load_settings
settings = load_settings()
RunStore(settings.runs_dir).open(settings.run_id).update(status="succeeded", greeting=word)
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
    assert (run.manifest()["status"], run.manifest()["greeting"]) == ("succeeded", "good day")
    executed = json.loads((run.path / "question.ipynb").read_text())
    assert "good day" in json.dumps(executed["cells"])


def test_a_kernel_that_is_killed_is_named(tmp_path: Path) -> None:
    """Exit 70, and the run is a failed one."""
    run = begun(tmp_path)
    with pytest.raises(InternalFault) as dead:
        run_notebook(notebook(tmp_path, "import os, signal; os.kill(os.getpid(), 9)"), run, {}, project=tmp_path)
    assert (dead.value.reason, dead.value.exit_code) == ("KERNEL_DIED", 70)
    assert run.manifest()["status"] == "failed"


def test_an_error_of_the_lab_keeps_its_words(tmp_path: Path) -> None:
    """The command line shows the error as the kernel raised it, before there is a record of the run."""
    raising = (
        'from lab.errors import UsageFault; raise UsageFault("no such thing", found="only others", next_step="ask")'
    )
    run = begun(tmp_path)
    with pytest.raises(UsageFault) as fault:
        run_notebook(notebook(tmp_path, raising), run, {}, project=tmp_path)
    assert str(fault.value).splitlines() == ["no such thing", "  only others", "  do: ask"]
    assert run.manifest()["status"] == "failed"


@pytest.mark.parametrize("cell", ["raise fault", RECORDS_FAULT], ids=["before the record", "in the record"])
def test_an_error_of_the_lab_arrives_with_all_its_parts(tmp_path: Path, cell: str) -> None:
    """As data, in the manifest and for the caller: also the lines that no terminal shows."""
    run = begun(tmp_path)
    with pytest.raises(Unavailable) as raised:
        run_notebook(notebook(tmp_path, FAULT, cell), run, {}, project=tmp_path)
    fault, manifest = raised.value, run.manifest()
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
    assert run.manifest()["error"]["kind"] == "InternalFault"


def test_a_cell_that_fails_after_the_run_fails_it(tmp_path: Path) -> None:
    """Half a notebook is no success."""
    run = begun(tmp_path)
    with pytest.raises(InternalFault, match="cell 3 failed"):
        run_notebook(notebook(tmp_path, SUCCEEDS, "1 / 0"), run, {}, project=tmp_path)
    assert run.manifest()["status"] == "failed"


def test_a_notebook_that_measures_nothing_is_a_failed_run(tmp_path: Path) -> None:
    """The notebook ended well, and there is no trial."""
    run = begun(tmp_path)
    with pytest.raises(InternalFault, match=r"without calling lab\.run"):
        run_notebook(notebook(tmp_path, "1 + 1"), run, {}, project=tmp_path)
    assert run.manifest()["status"] == "failed"


def test_the_first_ctrl_c_goes_to_the_kernel(tmp_path: Path) -> None:
    """The kernel may end its load and keep what it has; here a cell remembers the signal."""
    cell = """
import threading
try:
    threading.Event().wait(60)
except KeyboardInterrupt:
    received = True
"""
    path = notebook(tmp_path, "open('started', 'w').close()", cell, "assert received", SUCCEEDS)
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
