"""Locks files; the kernel releases a lock when its holder dies."""

import fcntl
import os
import threading
from pathlib import Path
from typing import Final

from lab.files import OWNERS_FILE

ATTEMPTS: Final = 5
RETRY_S: Final = 0.01
HOLDER_BYTES: Final = 200
"""Longest text about a holder that is read from a locked file."""


class Taken(Exception):
    """Another process holds the lock; *holder* is what that process wrote into the file."""

    def __init__(self, holder: str) -> None:
        super().__init__(holder)
        self.holder = holder


class Lock:
    """An exclusive lock on a file, held until `release` or until every process that inherited the lock has ended."""

    def __init__(self, path: Path, holder: str = "") -> None:
        """Take the lock or raise Taken; *holder* is written into the file."""
        self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, OWNERS_FILE)
        if not _locked(self._file):
            text = os.pread(self._file, HOLDER_BYTES, 0).decode(errors="replace").strip()
            os.close(self._file)
            raise Taken(text)
        os.ftruncate(self._file, 0)
        os.pwrite(self._file, holder.encode(), 0)

    def fileno(self) -> int:
        """Return the descriptor; a process that inherits it also holds the lock."""
        return self._file

    def release(self) -> None:
        """Release the lock. It stays taken while a process that inherited it lives."""
        os.close(self._file)


def is_held(path: Path) -> bool:
    """Return whether a process holds the lock on this file; False when there is no file."""
    try:
        file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        return True
    finally:
        os.close(file)
    return False


def _locked(file: int) -> bool:
    """Try for a moment, because `is_held` holds the lock for some microseconds."""
    pause = threading.Event()
    for _ in range(ATTEMPTS):
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            pause.wait(RETRY_S)
        else:
            return True
    return False
