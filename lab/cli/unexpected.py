"""Explains an error that no part of the lab expected, in five lines."""

import errno
import sys
from typing import Final

from lab.errors import InternalFault, LabError, NotWritten, Unavailable, causes_of

TOO_MANY_FILES: Final = frozenset({errno.EMFILE, errno.ENFILE})
NO_ROOM: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EFBIG})
MOST_CHARACTERS: Final = 300
TRACEBACK: Final = "lab --debug …      (shows where)"


def explained(error: BaseException) -> LabError:
    """Return the error of the lab for any error; a LabError is returned as it is.

    >>> print(explained(OSError(errno.EMFILE, "Too many open files")))
    too many files are open
      OSError: [Errno 24] Too many open files
      do: ulimit -n 4096
    """
    if isinstance(error, LabError):
        return error
    words = f"{type(error).__name__}: {error}"[:MOST_CHARACTERS]
    numbers = {number for cause in causes_of(error) if isinstance(number := getattr(cause, "errno", None), int)}
    if numbers & TOO_MANY_FILES:
        return Unavailable("too many files are open", found=words, next_step="ulimit -n 4096", code="NO_FILES")
    if numbers & NO_ROOM:
        return NotWritten("a file cannot be written", found=words, next_step="df -h      (room on the disk)")
    if isinstance(error, MemoryError):
        return Unavailable("no memory is left", found=words, next_step="free -m      (who uses the memory)")
    return InternalFault(f"lab {' '.join(sys.argv[1:2])} failed".replace("  ", " "), found=words, next_step=TRACEBACK)
