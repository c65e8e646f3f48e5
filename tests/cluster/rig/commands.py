"""Tools of the machine, run to their end."""

import subprocess
from pathlib import Path
from typing import Final

from lab.errors import Unavailable
from tests.cluster.rig.requirements import machine_environment

TIMEOUT_S: Final = 60.0


def run(*command: str, given: str = "", cwd: Path | None = None, timeout_s: float = TIMEOUT_S) -> str:
    """What a tool printed.

    Raises:
        Unavailable: It failed, or did not end in time.
    """
    try:
        done = subprocess.run(
            command,
            input=given,
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
    """Whether a tool ends well."""
    try:
        run(*command, timeout_s=timeout_s)
    except Unavailable:
        return False
    return True


def _shown(command: tuple[str, ...]) -> str:
    return " ".join((Path(command[0]).name, *command[1:4]))
