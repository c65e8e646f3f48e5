"""Keeps other measured runs away from a stack."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from lab.errors import Unavailable
from lab.targets.processes.locks import Lock, Taken


@contextmanager
def measured_by(lock: Path, run: str) -> Iterator[None]:
    """Hold the lock of a stack for as long as the context lasts.

    Args:
        lock: The file that stands for the measurement; the kernel releases the lock when this process dies.
        run: Id of the run that measures; empty for a run without an id.

    Raises:
        Unavailable: Another run measures the stack; the message names that run.
    """
    holder = f"{run or 'a run'} (process {os.getpid()})"
    try:
        held = Lock(lock, holder)
    except Taken as taken:
        raise Unavailable(
            "cannot measure on the stack that is up",
            found=f"{taken.holder} is measuring on it",
            next_step="wait for it to end; two loads on one stack would measure each other",
            code="STACK_BUSY",
        ) from taken
    try:
        yield
    finally:
        held.release()
