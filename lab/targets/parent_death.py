"""Runs a command that cannot outlive its starter: `python -I -S leash.py PARENT_PID COMMAND…`.

The kernel ends a process with signal 9 when its parent dies, if the process asked for it (`prctl(2)`,
PR_SET_PDEATHSIG), and the wish survives exec. Asking from inside the new process keeps the parent free of code between
fork and exec, which is not safe beside threads.
"""

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1
LOST = 125


def main(arguments: list[str]) -> int:
    """Ask for the signal, make sure the parent still lives, become the command; returns only when it cannot."""
    parent, command = int(arguments[0]), arguments[1:]
    if ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0):
        print(f"leash: prctl failed with errno {ctypes.get_errno()}", file=sys.stderr)
        return LOST
    if os.getppid() != parent:
        return LOST
    try:
        os.execv(command[0], command)  # noqa: S606  this is the whole purpose
    except OSError as error:
        print(f"leash: cannot run {command[0]}: {error.strerror}", file=sys.stderr)
        return 127


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
