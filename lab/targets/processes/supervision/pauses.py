"""Stops processes for a while; they continue when the process that stopped them continues them or dies."""

import os
import signal
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from lab.targets.processes.locks import Lock, is_held

SUFFIX: Final = ".pause"
"""Of the file that stands for a pause; it holds the id of the stopped process."""


@contextmanager
def pause(folder: Path, pid: int) -> Iterator[None]:
    """Stop a process for as long as the context lasts.

    The pause is a locked file in *folder*. The kernel releases the lock when this process dies; the stack's supervisor
    then continues the stopped process.
    """
    folder.mkdir(exist_ok=True)
    draft = folder / f".{uuid.uuid4().hex}"
    lock = Lock(draft, str(pid))
    lease = draft.rename(folder / f"{draft.name[1:]}{SUFFIX}")
    try:
        os.kill(pid, signal.SIGSTOP)
        yield
    finally:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGCONT)
        lease.unlink(missing_ok=True)
        lock.release()


def end_orphaned(folder: Path) -> None:
    """Continue every process whose pause is not held any more."""
    for lease in folder.glob(f"*{SUFFIX}"):
        if is_held(lease):
            continue
        with suppress(OSError, ValueError):
            os.kill(int(lease.read_text(encoding="utf-8")), signal.SIGCONT)
        lease.unlink(missing_ok=True)
