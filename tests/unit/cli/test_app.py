"""The command line: commands are loaded when they are called, an error is short, its exit code tells its kind."""

import inspect
import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from pkgutil import resolve_name

import pytest

from lab.cli import main
from lab.cli.app import TABLE
from lab.cli.lazy import Command, Group, Table
from lab.settings import environment_with
from lab.targets.processes.folder import StackFolder
from lab.targets.processes.locks import Lock
from lab.targets.processes.plan import Plan, write_plan
from tests.waiting import until

PROJECT = Path(__file__).parents[3]
QUICKSTART = str(PROJECT / "notebooks" / "00_quickstart.ipynb")
HEAVY = ("grpc", "numpy", "pyarrow", "kubernetes", "httpx", "IPython", "pandas", "papermill", "redis")


def rows_of(table: Table, name: str = "") -> Iterator[tuple[str, Command]]:
    """Yield every command of a table with the words that call it."""
    for word, row in table.items():
        words = f"{name} {word}".strip()
        yield from rows_of(row.commands, words) if isinstance(row, Group) else [(words, row)]


COMMANDS = dict(rows_of(TABLE))


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
    """No traceback; attempted, found, next step; the exit code of that kind of error."""
    with elsewhere(tmp_path):
        assert main(arguments) == code
    message = capsys.readouterr().err
    assert message.startswith("lab: ")
    assert 1 <= len(message.splitlines()) <= 5
    assert "Traceback" not in message
    assert all(word in message for word in words), message


def test_debug_adds_the_traceback(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Wherever the flag stands."""
    with elsewhere(tmp_path):
        assert main(["status", "--debug"]) == 69
    assert "Traceback" in capsys.readouterr().err


def test_debug_shows_where_an_unexpected_error_was_raised(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The five lines of the error promise it."""

    def break_down() -> None:
        raise ValueError("broken")

    monkeypatch.setattr("lab.cli.machine.load_settings", break_down)
    assert main(["config", "show", "--debug"]) == 70
    error = capsys.readouterr().err
    assert "ValueError: broken" in error
    assert "in break_down" in error


def test_a_parameter_without_a_value_takes_no_option_for_it(capsys: pytest.CaptureFixture[str]) -> None:
    """A text parameter would take it in silence."""
    assert main(["run", "notebooks/10_baseline.ipynb", "-p", "path", "--json"]) == 64
    assert "-p path: a name and a value are needed" in capsys.readouterr().err


def test_a_wrong_setting_is_named_with_its_origin(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Exit 78, and the variable."""
    with environment_with(LAB_START_TIMEOUT_S="soon"):
        assert main(["runs", "list"]) == 78
    assert "LAB_START_TIMEOUT_S" in capsys.readouterr().err


def test_help_fits_a_screen_and_names_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    """Grouped as people work."""
    assert main(["--help"]) == 0
    output = capsys.readouterr().out
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
        assert word in output
    assert len(output.splitlines()) <= 40


@pytest.mark.parametrize("words", COMMANDS)
def test_the_help_in_the_table_is_that_of_the_command(words: str) -> None:
    """The first line of its docstring: the table is shown where the command is not loaded."""
    docstring = inspect.getdoc(resolve_name(COMMANDS[words].entry))
    assert docstring is not None
    assert COMMANDS[words].help == docstring.splitlines()[0]


@pytest.mark.parametrize("words", COMMANDS)
def test_every_command_has_its_own_help(words: str, capsys: pytest.CaptureFixture[str]) -> None:
    """The command is loaded for it, with its arguments and options."""
    assert main([*words.split(), "--help"]) == 0
    output = capsys.readouterr().out
    assert f"lab {words} " in output
    assert " ".join(COMMANDS[words].help.split()[:3]) in output


@pytest.mark.parametrize("arguments", [["--help"], ["runs", "--help"], ["images"], ["fly"]])
def test_help_loads_no_command(arguments: list[str]) -> None:
    """It comes from a table, at once."""
    code = f"""
import sys
from lab.cli import main
main({arguments!r})
loaded = {{name.partition(".")[0] for name in sys.modules}}
assert not loaded & set({HEAVY!r}), loaded & set({HEAVY!r})
commands = {{name for name in sys.modules if name.startswith("lab.cli.")}}
assert commands == {{"lab.cli.app", "lab.cli.lazy", "lab.cli.streams", "lab.cli.unexpected"}}, commands
"""
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, timeout=60)


@pytest.mark.parametrize("rich", ["1", "0"])
@pytest.mark.parametrize("words", [[], ["--debug"], ["images"]], ids=" ".join)
def test_without_a_command_the_help_is_shown(words: list[str], rich: str) -> None:
    """A group alone is answered as `--help` is: on stdout, with exit code 0, whether Typer uses rich or not."""
    lab = [sys.executable, "-c", "import sys; from lab.cli import main; sys.exit(main())"]
    with environment_with(TYPER_USE_RICH=rich):
        alone, helped = (
            subprocess.run([*lab, *arguments], check=True, capture_output=True, text=True, timeout=60)
            for arguments in (words, [*words, "--help"])
        )
    assert alone.stdout == helped.stdout
    assert "Usage: lab" in alone.stdout
    assert (alone.stderr, helped.stderr) == ("", "")


def test_a_misspelt_command_is_answered_with_the_nearest(capsys: pytest.CaptureFixture[str]) -> None:
    """In a group, too."""
    assert main(["stat"]) == 64
    assert "'status'" in capsys.readouterr().err
    assert main(["runs", "compaer"]) == 64
    assert "'compare'" in capsys.readouterr().err


def test_without_runs_the_first_command_is_shown(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A program gets an empty list."""
    with elsewhere(tmp_path):
        assert main(["runs", "list"]) == 0
        assert "lab run notebooks/00_quickstart.ipynb" in capsys.readouterr().out
        assert main(["runs", "list", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == []


def test_every_setting_is_shown_with_its_origin(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A variable, a file, or the default."""
    with elsewhere(tmp_path):
        assert main(["config", "show"]) == 0
    output = capsys.readouterr().out
    assert "LAB_STATE_DIR" in output
    assert "default" in output


def test_the_doctor_checks_everything(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A program gets its checks as JSON."""
    with elsewhere(tmp_path):
        code = main(["doctor", "--json"])
    findings = json.loads(capsys.readouterr().out)
    assert {finding["name"] for finding in findings} >= {"platform", "python", "store", "prometheus", "disk"}
    assert code == (0 if all(finding["good"] for finding in findings) else 69)


def test_clean_ends_stacks_of_other_projects_only_when_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """They are counted and stay, with the programs that they run with."""
    folder = StackFolder(tmp_path / "state" / "stacks" / "kept-another")
    folder.make()
    write_plan(folder.plan, Plan((), throw_away=False))
    command = [sys.executable, "-m", "lab.targets.processes.supervision.supervisor", str(folder.root)]
    lock = Lock(folder.lock)
    (tmp_path / "cache").mkdir()
    (tmp_path / "cache" / "program").write_bytes(bytes(2_300_000))
    with subprocess.Popen([*command, "--lock", str(lock.fileno())], pass_fds=[lock.fileno()]) as supervisor:
        lock.release()
        until(folder.state.exists, within_s=10)
        with environment_with(LAB_CACHE_DIR=str(tmp_path / "cache")), elsewhere(tmp_path):
            assert main(["clean"]) == 0
            left = capsys.readouterr().out
            assert supervisor.poll() is None
            assert (tmp_path / "cache").exists()
            assert main(["clean", "--all"]) == 0
        assert supervisor.wait(10) == 0
    assert "stopped  0 stacks" in left
    assert "kept     1 stack of other projects" in left
    assert "removed" not in left
    removed = capsys.readouterr().out
    assert "stopped  1 stack\n" in removed
    assert f"removed  {tmp_path / 'cache'} (2.3 MB)" in removed
    assert f"removed  {tmp_path / 'state'} (" in removed
    assert not folder.root.exists()


def test_clean_leaves_a_stack_alone_that_is_measured(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The message names its folder."""
    folder = StackFolder(tmp_path / "state" / "stacks" / "run-abc")
    folder.make()
    lock = Lock(folder.lock)
    with environment_with(LAB_CACHE_DIR=str(tmp_path / "cache")), elsewhere(tmp_path):
        assert main(["clean", "--all"]) == 69
    lock.release()
    assert "while a run is measured" in capsys.readouterr().err
    assert folder.root.exists()


def elsewhere(folder: Path) -> AbstractContextManager[None]:
    """Give a test state and runs of its own."""
    return environment_with(LAB_STATE_DIR=str(folder / "state"), LAB_RUNS_DIR=str(folder / "runs"))


def test_a_recorded_run_is_shown_in_place_of_a_live_one(capsys: pytest.CaptureFixture[str]) -> None:
    """With its verdict as exit code; other parameters were not recorded, and are refused."""
    with environment_with(LAB_REPLAY="1"):
        assert main(["run", str(QUICKSTART)]) == 0
        shown = capsys.readouterr().out
        assert main(["run", str(QUICKSTART), "-p", "rate=7"]) == 64
        assert main(["run", str(QUICKSTART), "--json"]) == 0
        facts = json.loads(capsys.readouterr().out)
    assert "nothing was measured" in shown
    assert "MET   quickstart" in shown
    assert facts["verdict"]["status"] == "MET"
