"""The end of a log tells why a program ended."""

from pathlib import Path

import pytest

from lab.targets.processes.supervision.log_end import LONGEST_LINE, last_line, last_lines, last_words


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("", ()),
        ("\n \n", ()),
        ("a\n\nb  \n", ("a", "b")),
        ("".join(f"{number}\n" for number in range(9)), ("4", "5", "6", "7", "8")),
        ("x" * 2_000, ("x" * LONGEST_LINE,)),
        ("old\n" + "y" * 20_000 + "\nnew", ("y" * LONGEST_LINE, "new")),
    ],
    ids=["empty", "blank", "blanks between", "many lines", "a long line", "a line longer than what is read"],
)
def test_the_last_lines_are_few_and_short(text: str, lines: tuple[str, ...], tmp_path: Path) -> None:
    """Blank lines tell nothing."""
    log = tmp_path / "a.log"
    log.write_text(text)
    assert last_lines(log) == lines
    assert last_line(log) == (lines[-1] if lines else "")


def test_a_log_of_any_bytes_is_read(tmp_path: Path) -> None:
    """A program may write what is no text."""
    log = tmp_path / "a.log"
    log.write_bytes(b"\xff\xfe\n")
    assert len(last_lines(log)) == 1


def test_a_log_that_is_not_there_has_no_lines(tmp_path: Path) -> None:
    """Its folder may have been removed, too."""
    gone = tmp_path / "gone"
    assert (last_lines(gone / "a.log"), last_words(gone / "a.log", gone)) == ((), "")
