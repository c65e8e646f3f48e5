"""A notebook shows its recorded run: nothing is started, and one changed digit is noticed."""

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

from lab.errors import UsageFault
from lab.load.profiles import load
from lab.model import Experiment
from lab.questions import latency
from lab.runs.evidence import load_trial
from lab.runs.replay import LARGEST_BYTES, RECORDED, recorded_for
from lab.settings import environment_with

PROJECT: Final = Path(__file__).parents[2]
NOTEBOOKS: Final = sorted((PROJECT / "notebooks").glob("*.ipynb"))
DEADLINE_S: Final = 60
"""Six times what a replay may take on a quiet machine."""


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
def test_every_notebook_has_a_small_recording(notebook: Path) -> None:
    """It can be read, is MET, and has at most a mebibyte."""
    folder = PROJECT / RECORDED / notebook.stem
    trial = load_trial(folder)
    assert (trial.validity.status, trial.verdict.status) == ("VALID", "MET")
    assert sum(path.stat().st_size for path in folder.iterdir()) <= LARGEST_BYTES


@pytest.mark.timeout(2 * DEADLINE_S)
def test_one_changed_digit_makes_nbval_fail(tmp_path: Path) -> None:
    """One more acknowledged event is another answer, and the checked cell fails."""
    copy = project_copy(tmp_path)
    assert nbval(copy) == 0
    file = copy / RECORDED / "00_quickstart" / "trial.json"
    document = json.loads(file.read_text())
    evidence = document["evidence"]
    load_run = evidence.get("load_run") or evidence["played"]  # as version 1 calls it
    load_run["account"]["acknowledged"] += 1
    file.write_text(json.dumps(document))
    assert nbval(copy) == 1


def test_other_parameters_than_recorded_are_refused() -> None:
    """The message names both; a replay never passes for a run of the requested parameters."""
    requested = Experiment("quickstart", load("host", rate=400), [latency(below_ms=500)])
    with pytest.raises(UsageFault, match="other parameters") as refused:
        recorded_for(PROJECT, requested)
    assert "400" in str(refused.value)
    assert "500" in str(refused.value)


def project_copy(folder: Path) -> Path:
    """Return a project of its own with the quickstart and its recording."""
    (folder / "notebooks").mkdir()
    shutil.copyfile(PROJECT / "pyproject.toml", folder / "pyproject.toml")
    shutil.copyfile(PROJECT / "notebooks" / "00_quickstart.ipynb", folder / "notebooks" / "00_quickstart.ipynb")
    shutil.copytree(PROJECT / RECORDED / "00_quickstart", folder / RECORDED / "00_quickstart")
    return folder


def nbval(project: Path) -> int:
    """Return the exit code of nbval over a project's notebooks."""
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:randomly", "--nbval-lax", "--nbval-current-env"]
    with environment_with(LAB_REPLAY="1"):
        done = subprocess.run(
            [*command, "-c", "/dev/null", "--rootdir", str(project), "notebooks"],
            cwd=project,
            capture_output=True,
            text=True,
            timeout=DEADLINE_S,
            check=False,
        )
    return done.returncode
