"""Runs a command that ends when its parent dies: `python -I -S parent_death.py PARENT_PID COMMAND…`.

A process can ask the kernel for a parent-death signal (`prctl(2)`, PR_SET_PDEATHSIG): the kernel then sends this signal
when the parent dies. The setting survives exec. This program sets it in the new process, because code that the parent
runs between fork and exec is not safe beside threads.
"""

import ctypes
import os
import signal
import sys
from collections.abc import Iterable

PR_SET_PDEATHSIG = 1
LOST = 125


def with_parent_death(command: Iterable[str]) -> list[str]:
    """Return the command that runs *command* with this process as the parent whose death ends it."""
    return [sys.executable, "-I", "-S", __file__, str(os.getpid()), *command]


def main(arguments: list[str]) -> int:
    """Set the parent-death signal and exec the command. Return an exit code when that fails.

    The command is not run when the parent died before the signal was set.
    """
    parent, command = int(arguments[0]), arguments[1:]
    if ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0):
        print(f"parent_death: prctl failed with errno {ctypes.get_errno()}", file=sys.stderr)
        return LOST
    if os.getppid() != parent:
        return LOST
    try:
        os.execv(command[0], command)  # noqa: S606  the purpose of this program
    except OSError as error:
        print(f"parent_death: cannot run {command[0]}: {error.strerror}", file=sys.stderr)
        return 127


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
