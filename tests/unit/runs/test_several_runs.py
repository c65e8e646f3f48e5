"""A notebook may make several runs: each has a folder, the first one names the others, the worst one decides."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from lab import wiring
from lab.cli import main
from lab.runs.store import RunStore
from lab.settings import environment_with, load_settings
from tests.unit import trials

FIRST = "2026-11-23-065312-k3f9-question"
SECOND = "2026-11-23-065313-k3f9-question-arm64"


def test_the_first_run_names_those_after_it(tmp_path: Path) -> None:
    """The folder that `lab run` made is used once; whatever comes later has one of its own."""
    first = RunStore(tmp_path).new("question", run_id=FIRST)
    with environment_with(LAB_RUNS_DIR=str(tmp_path), LAB_RUN_ID=FIRST):
        asked = trials.trial().experiment
        made = []
        for _ in range(3):
            folder = wiring._folder(asked, load_settings(), {})
            folder.take_over()
            made.append(folder.run_id)
    assert made[0] == FIRST
    assert first.manifest()["also"] == made[1:]
    assert len(set(made)) == 3


def test_a_cluster_is_asked_once_for_each_architecture() -> None:
    """Each run has a name of its own; this machine, which has one architecture, is asked once."""
    asked = trials.trial().experiment
    settings = load_settings(architectures="arm64,amd64")
    on_cluster = wiring._on_each(replace(asked, target="kubernetes"), settings)
    assert [(one.name, one.architecture) for one in on_cluster] == [("test-arm64", "arm64"), ("test-amd64", "amd64")]
    assert wiring._on_each(asked, settings) == (asked,)


@pytest.mark.timeout(120)
@pytest.mark.parametrize(("word", "code"), [("MET", 0), ("NOT_MET", 1), ("INVALID", 2)])
def test_the_exit_code_is_the_worst_of_them(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], word: str, code: int
) -> None:
    """A second architecture that does not keep up is not hidden behind a first that does."""
    cell = f"""
from lab.runs.store import RunStore
from lab.settings import load_settings
settings = load_settings()
store = RunStore(settings.runs_dir)
status = None if {word!r} == "INVALID" else {word!r}
found = dict(status="succeeded", verdict=dict(status=status), validity=dict(status={word!r}))
store.new("question", run_id={SECOND!r}).update(**found)
good = dict(status="succeeded", verdict=dict(status="MET"), validity=dict(status="VALID"))
store.open(settings.run_id).update(also=[{SECOND!r}], **good)
"""
    with environment_with(LAB_RUNS_DIR=str(tmp_path / "runs")):
        assert main(["run", str(notebook(tmp_path, cell)), "--json"]) == code
    assert json.loads(capsys.readouterr().out)["also"] == [SECOND]


def notebook(folder: Path, source: str) -> Path:
    """A notebook without parameters but one, and a cell."""
    empty: dict[str, Any] = {"cell_type": "code", "outputs": [], "execution_count": None}
    parameters = empty | {"id": "a", "metadata": {"tags": ["parameters"]}, "source": "n: int = 1  # a number\n"}
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    cells = [parameters, empty | {"id": "b", "metadata": {}, "source": source}]
    path = folder / "question.ipynb"
    path.write_text(json.dumps({"cells": cells, "metadata": kernel, "nbformat": 4, "nbformat_minor": 5}))
    return path
