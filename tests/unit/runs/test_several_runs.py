"""A notebook may make several runs: each has a folder, the first run names the others, the worst run decides."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from lab.cli import main
from lab.facade.running import varied_by
from lab.runs.store import RunStore, folder_for
from lab.settings import environment_with
from tests.unit import trials

FIRST = "2026-11-23-065312-k3f9-question"
SECOND = "2026-11-23-065313-k3f9-question-arm64"


def test_the_first_run_names_those_after_it(tmp_path: Path) -> None:
    """The folder that `lab run` made is used once; every later run has a folder of its own."""
    store = RunStore(tmp_path)
    first = store.new("question", run_id=FIRST)
    made = []
    for _ in range(3):
        folder = folder_for(trials.trial().experiment, store, begun=FIRST)
        folder.begin_measuring()
        made.append(folder.run_id)
    assert made[0] == FIRST
    assert first.manifest().also == tuple(made[1:])
    assert len(set(made)) == 3


def test_a_run_that_lab_run_did_not_begin_has_a_folder_of_its_own(tmp_path: Path) -> None:
    """The folder tells notebook and parameters."""
    store, experiment = RunStore(tmp_path), trials.trial().experiment
    folder = folder_for(experiment, store, notebook="notebooks/a.ipynb", parameters={"rate": 5.0})
    assert [run.run_id for run in store.all()] == [folder.run_id]
    assert folder.manifest().is_fresh
    manifest = folder.document()
    assert (manifest["notebook"], manifest["parameters"]) == ("notebooks/a.ipynb", {"rate": 5.0})
    assert manifest["target"] == experiment.target


def test_a_cluster_runs_once_on_each_architecture() -> None:
    """Each run has a name of its own; this machine, which has one architecture, runs once."""
    experiment = trials.trial().experiment
    with environment_with(LAB_ARCHITECTURES="arm64,amd64"):
        on_cluster = varied_by(replace(experiment, target="kubernetes"), "architecture")
        here = varied_by(experiment, "architecture")
    names = [(varied.name, varied.architecture) for varied in on_cluster]
    assert names == [("test-arm64", "arm64"), ("test-amd64", "amd64")]
    assert here == [experiment]


@pytest.mark.timeout(120)
@pytest.mark.parametrize(("word", "code"), [("MET", 0), ("NOT_MET", 1), ("INVALID", 2)])
def test_the_exit_code_is_the_worst_of_them(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], word: str, code: int
) -> None:
    """A second architecture that does not keep up is not hidden behind a first one that does."""
    cell = f"""
from dataclasses import replace
from lab.runs.store import RunStore
from lab.settings import load_settings
settings = load_settings()
store = RunStore(settings.runs_dir)
status = None if {word!r} == "INVALID" else {word!r}
later = dict(verdict=dict(status=status), validity=dict(status={word!r}))
store.new("question", run_id={SECOND!r}).update(lambda begun: replace(begun, status="succeeded", trial=later))
first = dict(verdict=dict(status="MET"), validity=dict(status="VALID"))
run = store.open(settings.run_id)
run.update(lambda begun: replace(begun, status="succeeded", trial=first).followed_by({SECOND!r}))
"""
    with environment_with(LAB_RUNS_DIR=str(tmp_path / "runs")):
        assert main(["run", str(notebook(tmp_path, cell)), "--json"]) == code
    assert json.loads(capsys.readouterr().out)["also"] == [SECOND]


@pytest.mark.timeout(120)
@pytest.mark.parametrize(
    ("error", "code", "words"),
    [
        ('Unavailable("no store", next_step="lab up")', 69, ["lab: no store", "do: lab up"]),
        ('ValueError("no column")', 70, ["its run failed, and the notebook went on", "ValueError: no column", SECOND]),
        ("KeyboardInterrupt()", 130, ["lab: interrupted"]),
    ],
)
def test_a_later_run_that_ended_badly_ends_the_command(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], error: str, code: int, words: list[str]
) -> None:
    """The notebook went on, and the first run met its objectives; the error of the later run is told all the same."""
    cell = f"""
from dataclasses import replace
from lab.errors import Unavailable
from lab.runs.store import RunStore
from lab.settings import load_settings
settings = load_settings()
store = RunStore(settings.runs_dir)
store.new("question", run_id={SECOND!r}).end_by({error})
first = dict(verdict=dict(status="MET"), validity=dict(status="VALID"))
run = store.open(settings.run_id)
run.update(lambda begun: replace(begun, status="succeeded", trial=first).followed_by({SECOND!r}))
"""
    with environment_with(LAB_RUNS_DIR=str(tmp_path / "runs")):
        assert main(["run", str(notebook(tmp_path, cell)), "--json"]) == code
    captured = capsys.readouterr()
    assert json.loads(captured.out)["also"] == [SECOND]
    assert all(each in captured.err for each in words), captured.err


def notebook(folder: Path, source: str) -> Path:
    """Return a notebook with one parameter and a cell."""
    empty: dict[str, Any] = {"cell_type": "code", "outputs": [], "execution_count": None}
    parameters = empty | {"id": "a", "metadata": {"tags": ["parameters"]}, "source": "n: int = 1  # a number\n"}
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    cells = [parameters, empty | {"id": "b", "metadata": {}, "source": source}]
    path = folder / "question.ipynb"
    path.write_text(json.dumps({"cells": cells, "metadata": kernel, "nbformat": 4, "nbformat_minor": 5}))
    return path
