"""Explains why a file that a user named cannot be written."""

import shlex
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from lab.errors import UsageFault


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Write a file or a folder that a user named while the context lasts.

    Raises:
        UsageFault: It cannot be written; where its folder is missing, the next step makes the folder.
    """
    try:
        yield
    except OSError as error:
        step = f"mkdir -p {shlex.quote(str(path.parent))}" if isinstance(error, FileNotFoundError) else ""
        raise UsageFault(f"cannot write {path}", found=error.strerror or str(error), next_step=step) from error
