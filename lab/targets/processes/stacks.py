"""Ends stacks: stops them, removes their folders, sweeps folders that a crash left behind."""

import os
import shutil
import signal
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

from lab.errors import DataFault, InternalFault, Unavailable
from lab.targets.processes.folder import StackFolder
from lab.targets.processes.locks import Lock, Taken, is_held
from lab.targets.processes.plan import read_plan
from lab.targets.processes.state import supervisor_pid_of
from lab.waiting import Polls

STOP_TIMEOUT_S: Final = 45.0
"""Seconds a stack may take to stop: three depths of programs with ten seconds of grace each, and a margin."""
STOP_MARGIN_S: Final = 15.0
"""The margin, for a stack whose programs have a longer grace."""
THROW_AWAY: Final = "run-*"
"""Names of the folders of stacks that end with the process that started them."""
FRESH_S: Final = 60.0
"""Seconds that a new folder is left alone, because its maker may be about to lock it."""
POLL_S: Final = 0.02
"""Between two looks at a stack that is stopping."""


def stop(folder: StackFolder) -> None:
    """Ask the supervisor of a stack to stop, and wait until it has ended; do nothing when no supervisor lives.

    Raises:
        InternalFault: The supervisor did not end in time. It was killed, and its programs with it.
    """
    signalled_pid = 0
    timeout_s = stop_timeout_s(folder)
    polls = Polls(within_s=timeout_s, every_s=POLL_S)
    while folder.is_alive:
        supervisor_pid = supervisor_pid_of(folder.state)
        if supervisor_pid not in {0, signalled_pid}:
            signalled_pid = supervisor_pid
            with suppress(ProcessLookupError):
                os.kill(signalled_pid, signal.SIGTERM)
        if not polls.another():
            _kill(signalled_pid)
            raise InternalFault(
                f"the stack in {folder.root} did not stop in {timeout_s:g} s",
                found="it was killed",
                next_step="give the command again: it removes what is left",
            )


def stop_timeout_s(folder: StackFolder) -> float:
    """Return the seconds that a stack may take to stop, from the graces in its plan."""
    try:
        plan = read_plan(folder.plan)
    except (OSError, DataFault):
        return STOP_TIMEOUT_S
    return max(STOP_TIMEOUT_S, plan.grace_s + STOP_MARGIN_S)


def _kill(pid: int) -> None:
    if pid:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def remove(folder: StackFolder) -> None:
    """Remove the folder of a stack that has ended."""
    shutil.rmtree(folder.root, ignore_errors=True)


def alive_in(parent: Path) -> list[StackFolder]:
    """Return the folders of all stacks that are up, also of those of other projects."""
    return [folder for root in sorted(parent.glob("*")) if root.is_dir() and (folder := StackFolder(root)).is_alive]


def stop_all(folders: Sequence[StackFolder]) -> None:
    """Stop stacks and remove their folders.

    Raises:
        Unavailable: A run is being measured on one of the stacks; no stack is stopped.
    """
    for folder in folders:
        if folder.root.match(THROW_AWAY) or is_held(folder.measuring):
            raise Unavailable(
                "cannot remove the stacks while a run is measured",
                found=f"it uses {folder.root}",
                next_step="wait for it to end, then: lab clean",
                code="STACK_BUSY",
            )
    for folder in folders:
        stop(folder)
        remove(folder)


def sweep(parent: Path) -> None:
    """Remove the folders of throw-away stacks whose supervisor was killed."""
    for root in parent.glob(THROW_AWAY):
        folder = StackFolder(root)
        with suppress(Taken, FileNotFoundError):
            if time.time() - root.stat().st_mtime < FRESH_S:
                continue
            lock = Lock(folder.lock)
            remove(folder)
            lock.release()
