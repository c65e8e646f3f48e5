"""The process that undoes a change runs its commands when the lab ends, and tries again what fails."""

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from lab.targets.kubernetes.breaking import undo


def started(*commands: Sequence[str]) -> "subprocess.Popen[bytes]":
    """Start the process for some commands."""
    command = [sys.executable, "-I", "-S", undo.__file__, json.dumps(commands)]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stderr=subprocess.PIPE)


def test_commands_run_in_their_order_once_standard_input_ends(tmp_path: Path) -> None:
    """Not before."""
    file = tmp_path / "done"
    process = started(*(["sh", "-c", f"echo {word} >> {file}"] for word in ("number", "owner")))
    assert process.poll() is None
    assert not file.exists()
    process.communicate(timeout=30)
    assert (process.returncode, file.read_text()) == (0, "number\nowner\n")


def test_a_command_that_fails_is_tried_again(tmp_path: Path) -> None:
    """Until it succeeds; only then comes the next command."""
    tried, done = tmp_path / "tried", tmp_path / "done"
    fails_once = f"test -e {tried} || {{ touch {tried}; exit 1; }}; echo number >> {done}"
    process = started(["sh", "-c", fails_once], ["sh", "-c", f"echo owner >> {done}"])
    process.communicate(timeout=30)
    assert (process.returncode, done.read_text()) == (0, "number\nowner\n")
