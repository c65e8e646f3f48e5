"""A run is shown where it is read: on a terminal, in a file that another process follows, in a cell."""

import io
import json
import math
from dataclasses import asdict, replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from lab.display.choosing import IN_CELL, display_for_this_process
from lab.display.file import FileDisplay
from lab.display.following import followed
from lab.display.lines import progress_line, stage_line
from lab.display.notebook import NotebookDisplay, display_in_cell
from lab.display.port import Display
from lab.display.silent import NoDisplay
from lab.display.terminal import CLEAR, WIDTH, TerminalDisplay
from lab.load.port import Progress
from lab.model import Account
from lab.settings import load_settings
from tests.fakes.displays import Handle, Terminal

PROGRESS = Progress(5.0, Account(intended=2_500, sent=2_500), 500.0, 499.6, 2, 2.0, 3.04)
HALF = "  measuring     ▇▇▇▇▇░░░░░ 5/10 s  offered 500/s  acknowledged 500/s  in flight 2  p99 3.0 ms"


def show_run(display: Display) -> None:
    """Show two stages with progress between them."""
    display.stage("store", "valkey 9.1", 0.24)
    display.progress("measuring", PROGRESS, of_s=10.0)
    display.stage("draining", "backlog 0")


def test_a_stage_is_one_line_with_its_seconds_where_they_are_known() -> None:
    """A stage that took no time shows none."""
    assert stage_line("store", "valkey 9.1", 0.24).split() == ["store", "valkey", "9.1", "0.2", "s"]
    assert (
        stage_line("store", "valkey 9.1", None)
        == stage_line("store", "valkey 9.1", 0.0)
        == "  store         valkey 9.1"
    )


def test_progress_is_a_bar_with_rates_and_latency() -> None:
    """As far as the time is; a load that overruns shows a full bar."""
    assert progress_line("measuring", PROGRESS, of_s=10.0) == HALF
    assert "▇▇▇▇▇▇▇▇▇▇ 10/10 s" in progress_line("measuring", replace(PROGRESS, elapsed_s=10.4), of_s=10.0)
    assert "▇▇▇▇▇▇▇▇▇▇ 0/0 s" in progress_line("measuring", PROGRESS, of_s=0.0)


def test_a_terminal_writes_progress_over() -> None:
    """The next stage takes its line."""
    stream = Terminal()
    show_run(TerminalDisplay(stream))
    store, draining = stage_line("store", "valkey 9.1", 0.24), stage_line("draining", "backlog 0", None)
    assert stream.getvalue() == f"{CLEAR}{store}\n{CLEAR}{HALF}{CLEAR}{draining}\n"


def test_a_line_of_progress_never_wraps() -> None:
    """A wrapped line could not be written over."""
    stream = Terminal()
    TerminalDisplay(stream).progress("measuring", replace(PROGRESS, offered_rate=1e60), of_s=10.0)
    assert len(stream.getvalue()) == len(CLEAR) + WIDTH


def test_a_stream_that_is_no_terminal_gets_stages_alone() -> None:
    """A file of progress would be of no use to a reader."""
    stream = io.StringIO()
    display = TerminalDisplay(stream)
    show_run(display)
    display.clear()
    assert [line.split()[0] for line in stream.getvalue().splitlines()] == ["store", "draining"]


def test_a_file_is_followed_to_its_end(tmp_path: Path) -> None:
    """The terminal shows what the other process would, and no half line is left."""
    file, stream, direct = tmp_path / "progress.jsonl", Terminal(), Terminal()
    with followed(file, TerminalDisplay(stream)):
        show_run(FileDisplay(file))
    show_run(TerminalDisplay(direct))
    assert stream.getvalue() == direct.getvalue() + CLEAR
    assert len([json.loads(line) for line in file.read_text().splitlines()]) == 3


MALFORMED = [
    "",
    "null",
    "7",
    '["store", "valkey 9.1"]',
    '{"stage": "store", "mess',
    '{"stage": "store"}',
    '{"stage": "store", "message": "valkey 9.1", "seconds": "soon"}',
    '{"stage": "measuring", "progress": null, "of_s": 10}',
    '{"stage": "measuring", "progress": {"elapsed_s": 5}, "of_s": 10}',
    json.dumps({"stage": "measuring", "progress": asdict(replace(PROGRESS, elapsed_s=math.nan)), "of_s": 10.0}),
    "[" * 100_000,
    "Traceback (most recent call last):",
]


@pytest.mark.parametrize("line", MALFORMED, ids=range(len(MALFORMED)))
def test_a_malformed_line_is_left_out_and_the_next_is_shown(tmp_path: Path, line: str) -> None:
    """The other process may have been killed within a line, or be of another version of the lab."""
    file, stream = tmp_path / "progress.jsonl", io.StringIO()
    with followed(file, TerminalDisplay(stream)):
        FileDisplay(file).stage("store", "valkey 9.1")
        with file.open("a", encoding="utf-8") as written:
            written.write(f"{line}\n")
        FileDisplay(file).stage("draining", "backlog 0")
    assert [shown.split()[0] for shown in stream.getvalue().splitlines()] == ["store", "draining"]


def test_bytes_that_are_no_text_end_no_display(tmp_path: Path) -> None:
    """A disk that was full may leave anything."""
    file, stream = tmp_path / "progress.jsonl", io.StringIO()
    with followed(file, TerminalDisplay(stream)):
        file.write_bytes(b"\xff\xfe\x80\n")
        FileDisplay(file).stage("draining", "backlog 0")
    assert [shown.split()[0] for shown in stream.getvalue().splitlines()] == ["draining"]


def test_a_latency_that_is_not_known_crosses_the_file(tmp_path: Path) -> None:
    """At first no batch has been acknowledged."""
    file, stream = tmp_path / "progress.jsonl", Terminal()
    with followed(file, TerminalDisplay(stream)):
        FileDisplay(file).progress("measuring", replace(PROGRESS, p99_ms=float("nan")), of_s=10.0)
    assert "p99 nan ms" in stream.getvalue()


def test_a_cell_shows_all_stages_and_the_latest_progress() -> None:
    """In one output."""
    handle = Handle()
    show_run(NotebookDisplay(handle))
    store, draining = stage_line("store", "valkey 9.1", 0.24), stage_line("draining", "backlog 0", None)
    assert handle.texts == [store, f"{store}\n{HALF}", f"{store}\n{draining}"]


def test_no_display_shows_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    """Neither on stdout nor on stderr."""
    show_run(NoDisplay())
    assert capsys.readouterr() == ("", "")


def test_outside_of_a_notebook_the_terminal_shows_the_run(capsys: pytest.CaptureFixture[str]) -> None:
    """On stderr: stdout has the answer."""
    show_run(display_for_this_process(load_settings(), None))
    output, errors = capsys.readouterr()
    assert output == ""
    assert len(errors.splitlines()) == 2


def test_where_the_command_line_follows_a_file_shows_the_run(tmp_path: Path) -> None:
    """Whatever else the process is."""
    file = tmp_path / "progress.jsonl"
    show_run(display_for_this_process(load_settings(progress_file=file), SimpleNamespace(kernel=object())))
    assert len(file.read_text().splitlines()) == 3


@pytest.mark.parametrize("kernel", [True, False])
def test_a_cell_shows_the_run_where_there_is_a_kernel(*, kernel: bool) -> None:
    """IPython on a terminal has a shell, too."""
    shell = SimpleNamespace(kernel=object()) if kernel else SimpleNamespace()
    display = display_for_this_process(load_settings(), shell, in_cell="lab.display.silent:NoDisplay")
    assert isinstance(display, NoDisplay if kernel else TerminalDisplay)


def test_the_display_of_a_cell_is_loaded_by_its_name(capsys: pytest.CaptureFixture[str]) -> None:
    """Only in a notebook: IPython is heavy."""
    assert f"{display_in_cell.__module__}:{display_in_cell.__name__}" == IN_CELL
    display_in_cell()
    assert "text/plain" in capsys.readouterr().out
