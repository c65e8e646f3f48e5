"""Plain papermill runs a misspelt or wrong parameter: the lab's first call refuses it, and starts nothing."""

import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest
from papermill import inspect_notebook

from lab.runs.notebooks.parameters import parameters_of
from lab.settings import environment_with

PROJECT: Final = Path(__file__).parents[2]
NOTEBOOKS: Final = sorted((PROJECT / "notebooks").glob("*.ipynb"))
BASELINE: Final = PROJECT / "notebooks" / "10_baseline.ipynb"
DEADLINE_S: Final = 90

pytestmark = pytest.mark.timeout(2 * DEADLINE_S)


def refusal(folder: Path, *options: str) -> str:
    """Return the last line of papermill, which must fail; nothing was started and no run was begun."""
    command = [sys.executable, "-m", "papermill", str(BASELINE), str(folder / "out.ipynb"), *options]
    with environment_with(LAB_RUNS_DIR=str(folder / "runs"), LAB_STATE_DIR=str(folder / "state")):
        done = subprocess.run(command, capture_output=True, text=True, timeout=DEADLINE_S, check=False)
    assert done.returncode != 0
    assert not (folder / "runs").exists()
    assert not (folder / "state").exists()
    return done.stderr.strip().splitlines()[-1]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("p99_ms: 5e3", "p99_ms (below_ms): '5e3' is a text, not a number"),
        ("p99_ms: .inf", "p99_ms (below_ms): inf is not a finite number"),
    ],
)
def test_a_value_of_the_wrong_kind_is_named_with_its_parameter(tmp_path: Path, content: str, words: str) -> None:
    """In one line, which names the parameter and what it is for."""
    file = tmp_path / "parameters.yaml"
    file.write_text(f"{content}\n")
    assert refusal(tmp_path, "-f", str(file)) == words


def test_nothing_is_no_number(tmp_path: Path) -> None:
    """Papermill turns the word into Python's None."""
    assert refusal(tmp_path, "-p", "duration", "None") == "duration: None is nothing, not a number"


def test_a_misspelt_parameter_is_answered_with_the_nearest(tmp_path: Path) -> None:
    """Papermill alone would run the default."""
    assert refusal(tmp_path, "-p", "durations", "1") == "  do: -p duration 1"


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
def test_papermill_reads_the_parameters_that_the_lab_reads(notebook: Path, caplog: pytest.LogCaptureFixture) -> None:
    """By name and type, without a warning about a line that it cannot parse."""
    inspected = inspect_notebook(str(notebook))
    declared = {parameter.name: parameter.type for parameter in parameters_of(notebook)}
    assert {name: entry["inferred_type_name"] for name, entry in inspected.items()} == declared
    assert "Unable to parse" not in caplog.text
