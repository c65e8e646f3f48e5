"""What every display does: on a terminal, in a stream, in a followed file, in a cell, around a table, or not at all."""

import io
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import pytest

from lab.display.file import FileDisplay
from lab.display.following import followed
from lab.display.notebook import NotebookDisplay
from lab.display.port import Display
from lab.display.rollout import RolloutDisplay
from lab.display.silent import NoDisplay
from lab.display.terminal import TerminalDisplay
from lab.load.port import Progress
from lab.model import Account
from tests.fakes.displays import Handle, Terminal
from tests.fakes.recorder import RecordingDisplay

PROGRESS: Final = Progress(5.0, Account(intended=2_500, sent=2_500), 500.0, 499.6, 2, 2.0, 3.04)


@dataclass(frozen=True, slots=True)
class Shown:
    """A display, and a function that returns what a reader can see when the display's context has ended."""

    display: Display
    text: Callable[[], str]


Opened = Iterator[Shown]


@contextmanager
def terminal(_folder: Path) -> Opened:
    """Open a display on a terminal."""
    stream = Terminal()
    yield Shown(TerminalDisplay(stream), stream.getvalue)


@contextmanager
def stream(_folder: Path) -> Opened:
    """Open a display in a stream that is no terminal."""
    stream = io.StringIO()
    yield Shown(TerminalDisplay(stream), stream.getvalue)


@contextmanager
def followed_file(folder: Path) -> Opened:
    """Open a display in a file that a terminal follows."""
    stream, file = Terminal(), folder / "progress.jsonl"
    with followed(file, TerminalDisplay(stream)):
        yield Shown(FileDisplay(file), stream.getvalue)


@contextmanager
def rollout(_folder: Path) -> Opened:
    """Open a display that shows a table between stages."""
    stream = Terminal()
    with RolloutDisplay(stream) as display:
        yield Shown(display, stream.getvalue)


@contextmanager
def cell(_folder: Path) -> Opened:
    """Open a display in the output of a cell, which holds its last text."""
    handle = Handle()
    yield Shown(NotebookDisplay(handle), lambda: handle.texts[-1])


@contextmanager
def fake(_folder: Path) -> Opened:
    """Open the display that tests of a trial use."""
    display = RecordingDisplay()
    yield Shown(display, lambda: "\n".join(f"{shown.stage} {shown.message}" for shown in display.stages))


@contextmanager
def silent(_folder: Path) -> Opened:
    """Open the display that shows nothing."""
    yield Shown(NoDisplay(), lambda: "")


Open = Callable[[Path], AbstractContextManager[Shown]]
REAL: Final[tuple[Open, ...]] = (terminal, stream, followed_file, rollout, cell)
VISIBLE: Final = (*REAL, fake)
ALL: Final = (*VISIBLE, silent)


def name(opened: Open) -> str:
    """Return the name of a test's display."""
    return getattr(opened, "__name__", "")


def assert_shown(text: str, *words: str) -> None:
    """Assert that a text has these words in their order."""
    places = [text.find(word) for word in words]
    assert -1 not in places, f"{words} not all in {text!r}"
    assert places == sorted(places), f"{words} in another order in {text!r}"


@pytest.mark.parametrize("opened", VISIBLE, ids=name)
def test_every_stage_is_shown_in_its_order(tmp_path: Path, opened: Open) -> None:
    """Progress between two stages removes neither."""
    with opened(tmp_path) as shown:
        shown.display.stage("store", "valkey 9.1", 0.24)
        shown.display.progress("measuring", PROGRESS, of_s=10.0)
        shown.display.stage("draining", "backlog 0")
    assert_shown(shown.text(), "store", "valkey 9.1", "draining", "backlog 0")


@pytest.mark.parametrize("opened", REAL, ids=name)
def test_the_seconds_of_a_stage_are_shown_where_they_are_known(tmp_path: Path, opened: Open) -> None:
    """A stage without seconds shows none."""
    with opened(tmp_path) as shown:
        shown.display.stage("store", "valkey 9.1", 0.24)
        shown.display.stage("draining", "backlog 0")
    first, _, second = shown.text().partition("draining")
    assert first.count(" s\n") == 1
    assert " s\n" not in second


@pytest.mark.parametrize("opened", VISIBLE, ids=name)
def test_progress_may_come_before_the_first_stage(tmp_path: Path, opened: Open) -> None:
    """And several times in a row."""
    with opened(tmp_path) as shown:
        for elapsed_s in (0.0, 5.0, 10.0):
            shown.display.progress("warm-up", replace(PROGRESS, elapsed_s=elapsed_s), of_s=10.0)
        shown.display.stage("store", "valkey 9.1")
    assert_shown(shown.text(), "store", "valkey 9.1")


@pytest.mark.parametrize("opened", VISIBLE, ids=name)
def test_stages_are_kept_when_the_run_ends_with_an_error(tmp_path: Path, opened: Open) -> None:
    """They are the beginning of an explanation; the display does not swallow the error."""
    texts: list[Callable[[], str]] = []

    def fail_while_measuring() -> None:
        with opened(tmp_path) as shown:
            texts.append(shown.text)
            shown.display.stage("store", "valkey 9.1")
            shown.display.progress("measuring", PROGRESS, of_s=10.0)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail_while_measuring()
    assert_shown(texts[0](), "store", "valkey 9.1")


@pytest.mark.parametrize(
    ("progress", "of_s"),
    [
        (replace(PROGRESS, elapsed_s=0.0), 10.0),
        (replace(PROGRESS, elapsed_s=10.4), 10.0),
        (PROGRESS, 0.0),
        (replace(PROGRESS, p50_ms=float("nan"), p99_ms=float("nan")), 10.0),
    ],
    ids=["nothing-sent-yet", "overrun", "no-length", "no-latency-yet"],
)
@pytest.mark.parametrize("opened", ALL, ids=name)
def test_every_progress_of_a_load_can_be_shown(tmp_path: Path, opened: Open, progress: Progress, of_s: float) -> None:
    """No display raises, and the next stage is shown."""
    with opened(tmp_path) as shown:
        shown.display.progress("measuring", progress, of_s=of_s)
        shown.display.stage("draining", "backlog 0")
    assert_shown(shown.text(), *(() if opened is silent else ("draining", "backlog 0")))


@pytest.mark.parametrize("opened", ALL, ids=name)
def test_a_display_may_be_used_after_its_context(tmp_path: Path, opened: Open) -> None:
    """A stack that goes down after its run tells so; no display raises then."""
    with opened(tmp_path) as shown:
        shown.display.stage("store", "valkey 9.1")
    shown.display.progress("measuring", PROGRESS, of_s=10.0)
    shown.display.stage("stopped", "5 processes")


@pytest.mark.parametrize("opened", ALL, ids=name)
def test_stdout_stays_free(tmp_path: Path, opened: Open, capsys: pytest.CaptureFixture[str]) -> None:
    """A display writes where its user said, and nowhere else."""
    with opened(tmp_path) as shown:
        shown.display.stage("store", "valkey 9.1")
        shown.display.progress("measuring", PROGRESS, of_s=10.0)
    assert capsys.readouterr() == ("", "")
