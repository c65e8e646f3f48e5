"""Runs tools of the machine."""

import subprocess
from pathlib import Path
from typing import Final

from lab.errors import Unavailable
from tests.cluster.rig.requirements import machine_environment

TIMEOUT_S: Final = 60.0


def run(*command: str, text: str = "", cwd: Path | None = None, timeout_s: float = TIMEOUT_S) -> str:
    """Run a tool; return what it printed.

    Raises:
        Unavailable: The tool failed, or did not end in time.
    """
    try:
        done = subprocess.run(
            command,
            input=text,
            cwd=cwd,
            env=machine_environment(),
            capture_output=True,
            text=True,
            timeout=timeout_s,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise Unavailable(f"`{_shown(command)}` took longer than {timeout_s:g} s") from error
    if done.returncode:
        raise Unavailable(f"`{_shown(command)}` failed", found=done.stderr.strip()[-500:])
    return done.stdout


def succeeds(*command: str, timeout_s: float = TIMEOUT_S) -> bool:
    """Whether a tool exits with 0."""
    try:
        run(*command, timeout_s=timeout_s)
    except Unavailable:
        return False
    return True


def _shown(command: tuple[str, ...]) -> str:
    return " ".join((Path(command[0]).name, *command[1:4]))
