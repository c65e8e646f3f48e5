"""The command line: at most five lines for an error, an exit code that tells which."""

import json
import subprocess
import sys
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from lab.cli import main
from lab.settings import environment_with
from lab.targets.processes.folder import StackFolder
from lab.targets.processes.locks import Lock
from lab.targets.processes.plan import Plan, write_plan
from tests.waiting import until

PROJECT = Path(__file__).parents[3]
QUICKSTART = str(PROJECT / "notebooks" / "00_quickstart.ipynb")


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["run", QUICKSTART, "-p", "rte", "2000"], 64, ['no parameter "rte"', "-p rate 2000", "(exit 64)"]),
        (["run", QUICKSTART, "-p", "rate", "ten"], 64, ['"ten" is not a float']),
        (["run", QUICKSTART, "-p", "rate"], 64, ["a name and a value"]),
        (["run", "notebooks/nothing.ipynb"], 64, ["no notebook"]),
        (["runs", "show", "no-such-run"], 64, ["no run"]),
        (["runs", "compare", "a"], 64, ["lab --help"]),
        (["fly"], 64, ["fly"]),
        (["up", "--set", "x"], 64, ["NAME=VALUE"]),
        (["up", "--dry-run"], 64, ["only a cluster", "lab up --target kubernetes --dry-run"]),
        (["up", "--render", "out"], 64, ["only a cluster", "lab up --target kubernetes --render out"]),
        (["status", "--target", "moon"], 64, ['no target "moon"', "processes"]),
        (["doctor", "--target", "moon"], 64, ['no target "moon"', "kubernetes"]),
        (["status"], 69, ["no stack is up", "lab up"]),
        (["logs", "redis"], 69, ["no stack is up"]),
        (["dead", "list"], 69, ["no stack is up"]),
        (["images", "check"], 78, ["no registry is configured", "LAB_REGISTRY=host:port"]),
        (["images", "resolve"], 78, ["no registry is configured"]),
        (["images", "build"], 78, ["no registry is configured"]),
        (["registry", "config"], 78, ["no registry is configured"]),
    ],
)
def test_an_error_is_short_and_has_a_next_step(
    arguments: list[str], code: int, words: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """No traceback; attempted, found, next step; the code of what went wrong."""
    with elsewhere(tmp_path):
        assert main(arguments) == code
    said = capsys.readouterr().err
    assert said.startswith("lab: ")
    assert 1 <= len(said.splitlines()) <= 5
    assert "Traceback" not in said
    assert all(word in said for word in words), said


def test_debug_adds_the_traceback(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Wherever the flag stands."""
    with elsewhere(tmp_path):
        assert main(["status", "--debug"]) == 69
    assert "Traceback" in capsys.readouterr().err


def test_a_wrong_setting_is_named_with_its_origin(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Exit 78, and the variable."""
    with environment_with(LAB_START_TIMEOUT_S="soon"):
        assert main(["runs", "list"]) == 78
    assert "LAB_START_TIMEOUT_S" in capsys.readouterr().err


def test_help_fits_a_screen_and_names_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    """Grouped as people work."""
    assert main(["--help"]) == 0
    said = capsys.readouterr().out
    for word in (
        "measure",
        "stack",
        "kubernetes",
        "machine",
        "kubernetes",
        "run ",
        "runs",
        "up ",
        "status",
        "logs",
        "open",
        "dead",
        "down",
        "diagnose",
        "doctor",
        "images",
        "registry",
    ):
        assert word in said
    assert len(said.splitlines()) <= 40


def test_no_runs_yet_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """With what to do first; a program gets an empty list."""
    with elsewhere(tmp_path):
        assert main(["runs", "list"]) == 0
        assert "lab run notebooks/00_quickstart.ipynb" in capsys.readouterr().out
        assert main(["runs", "list", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == []


def test_every_setting_is_shown_with_its_origin(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A variable, a file, or the default."""
    with elsewhere(tmp_path):
        assert main(["config", "show"]) == 0
    said = capsys.readouterr().out
    assert "LAB_STATE_DIR" in said
    assert "default" in said


def test_the_doctor_looks_at_everything(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """And says what it found, also to programs."""
    with elsewhere(tmp_path):
        code = main(["doctor", "--json"])
    findings = json.loads(capsys.readouterr().out)
    assert {finding["name"] for finding in findings} >= {"platform", "python", "store", "prometheus", "disk"}
    assert code == (0 if all(finding["good"] for finding in findings) else 69)


def test_clean_stops_the_stacks_of_every_project(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What is removed may not go on running, whoever started it."""
    folder = StackFolder(tmp_path / "state" / "stacks" / "kept-another")
    folder.make()
    write_plan(folder.plan, Plan((), throw_away=False))
    command = [sys.executable, "-m", "lab.targets.processes.supervisor", str(folder.root)]
    lock = Lock(folder.lock)
    with subprocess.Popen([*command, "--lock", str(lock.fileno())], pass_fds=[lock.fileno()]) as supervisor:
        lock.release()
        until(folder.state.exists, within_s=10)
        with environment_with(LAB_CACHE_DIR=str(tmp_path / "cache")), elsewhere(tmp_path):
            assert main(["clean"]) == 0
        assert supervisor.wait(10) == 0
    assert "stopped  1 stacks" in capsys.readouterr().out
    assert not folder.root.exists()


def test_clean_leaves_a_stack_alone_that_is_measured_on(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """And says by whose folder it knows."""
    folder = StackFolder(tmp_path / "state" / "stacks" / "run-abc")
    folder.make()
    lock = Lock(folder.lock)
    with environment_with(LAB_CACHE_DIR=str(tmp_path / "cache")), elsewhere(tmp_path):
        assert main(["clean"]) == 69
    lock.release()
    assert "while a run is measured" in capsys.readouterr().err
    assert folder.root.exists()


def elsewhere(folder: Path) -> AbstractContextManager[None]:
    """State and runs of a test's own."""
    return environment_with(LAB_STATE_DIR=str(folder / "state"), LAB_RUNS_DIR=str(folder / "runs"))
