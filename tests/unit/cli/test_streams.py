"""A command goes on where stdout takes no more, and its exit code stays that of its verdict."""

import errno
import io
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from lab.cli.streams import Outlet, outlets
from lab.cli.unexpected import explained
from lab.errors import InternalFault, NotWritten, Unavailable, UsageFault

LAB: Final = [sys.executable, "-c", "import sys; from lab.cli import main; sys.exit(main())"]
DEADLINE_S: Final = 60


class Failing(io.StringIO):
    """A stream whose every write fails."""

    def __init__(self, number: int) -> None:
        super().__init__()
        self._number, self.writes = number, 0

    def write(self, text: str) -> int:
        """Fail."""
        self.writes += 1
        raise OSError(self._number, os.strerror(self._number))


@pytest.fixture
def folders(tmp_path: Path) -> dict[str, str]:
    """An environment with runs and state of the test's own."""
    own = {"LAB_RUNS_DIR": str(tmp_path / "runs"), "LAB_STATE_DIR": str(tmp_path / "state")}
    return os.environ | own  # noqa: TID251  a child inherits it


@pytest.fixture
def full() -> Iterator[io.FileIO]:
    """A device that is always full."""
    with io.FileIO("/dev/full", "wb") as device:
        yield device


@pytest.mark.parametrize(("number", "lost"), [(errno.ENOSPC, True), (errno.EPIPE, False), (errno.EIO, False)])
def test_the_first_error_is_kept_and_nothing_more_is_written(number: int, *, lost: bool) -> None:
    """Text is lost where somebody could have read it, and not where the reader has gone."""
    stream = Failing(number)
    outlet = Outlet(stream)
    assert outlet.write("a") == outlet.write("b") == 1
    outlet.flush()
    assert (stream.writes, outlet.is_lost) == (1, lost)


def test_a_program_without_stdout_goes_on() -> None:
    """As a service manager may start it."""
    outlet = Outlet(None)
    assert outlet.write("a") == 1
    outlet.flush()
    assert (outlet.isatty(), outlet.is_lost, outlet.encoding) == (False, False, "utf-8")


@pytest.mark.parametrize(
    ("encoding", "text"),
    [("ascii", "+ x # - -> ... >= u ?"), ("latin-1", "+ x # - -> ... >= µ ?"), ("utf-8", "✓ ✗ ▇ – → … ≥ µ 漢")],
)
def test_a_character_that_a_terminal_lacks_is_replaced(encoding: str, text: str) -> None:
    """No tick where there is none."""
    buffer = io.BytesIO()
    outlet = Outlet(io.TextIOWrapper(buffer, encoding=encoding))
    outlet.write("✓ ✗ ▇ – → … ≥ µ 漢")
    outlet.flush()
    assert buffer.getvalue().decode(encoding) == text


def test_the_streams_of_a_program_are_put_back() -> None:
    """Also after an error."""
    before = sys.stdout, sys.stderr

    def fail() -> None:
        with outlets():
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    assert (sys.stdout, sys.stderr) == before


def test_a_full_device_is_named(folders: dict[str, str], full: io.FileIO) -> None:
    """Exit 74, in at most five lines, and never 1 or 120, which say something else."""
    done = subprocess.run(
        [*LAB, "runs", "list"], stdout=full, stderr=subprocess.PIPE, env=folders, timeout=DEADLINE_S, check=False
    )
    message = done.stderr.decode()
    assert done.returncode == 74
    assert "cannot write to stdout" in message
    assert len(message.splitlines()) <= 5


def test_a_reader_that_has_gone_changes_no_exit_code(folders: dict[str, str]) -> None:
    """As with `lab … | head -1`; nothing is said about it."""
    reader, writer = os.pipe()
    os.close(reader)
    try:
        done = subprocess.run(
            [*LAB, "runs", "list"], stdout=writer, stderr=subprocess.PIPE, env=folders, timeout=DEADLINE_S, check=False
        )
    finally:
        os.close(writer)
    assert (done.returncode, done.stderr) == (0, b"")


@pytest.mark.parametrize(
    "variables", [{"PYTHONIOENCODING": "ascii"}, {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}]
)
def test_help_is_shown_in_ascii(folders: dict[str, str], variables: dict[str, str]) -> None:
    """Without a traceback."""
    done = subprocess.run(
        [*LAB, "--help"], capture_output=True, env=folders | variables, timeout=DEADLINE_S, check=False
    )
    assert (done.returncode, done.stderr) == (0, b"")
    assert "run" in done.stdout.decode("ascii")


@pytest.mark.parametrize(
    ("error", "kind", "code"),
    [
        (OSError(errno.EMFILE, "Too many open files"), Unavailable, 69),
        (OSError(errno.ENOSPC, "No space left on device"), NotWritten, 74),
        (OSError(errno.EROFS, "Read-only file system"), NotWritten, 74),
        (MemoryError(), Unavailable, 69),
        (ValueError("a\nb\nc\nd\ne"), InternalFault, 70),
        (RecursionError("deep"), InternalFault, 70),
        (SystemExit(1), InternalFault, 70),
    ],
)
def test_an_error_that_nobody_expected_is_explained(error: BaseException, kind: type, code: int) -> None:
    """In five lines at most; none of them leaves with Python's exit 1, which means that objectives were not met."""
    fault = explained(error)
    assert (type(fault), fault.exit_code) == (kind, code)
    assert len(str(fault).splitlines()) <= 5


def test_the_cause_of_an_error_counts() -> None:
    """A library wraps what the system said."""
    error = RuntimeError("cannot start")
    error.__cause__ = OSError(errno.EMFILE, "Too many open files")
    assert explained(error).reason == "NO_FILES"


def test_an_error_of_the_lab_stays_as_it_is() -> None:
    """With its own words."""
    fault = UsageFault("no such thing")
    assert explained(fault) is fault
