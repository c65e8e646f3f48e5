"""Replaces a file or makes a folder as a whole, so that a reader never sees a part of it; removes a folder."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

OWNERS_FOLDER: Final = 0o700
OWNERS_FILE: Final = 0o600
"""Permissions of what only its owner reads."""


@contextmanager
def replaced(path: Path, *, mode: int | None = None, durable: bool = False) -> Iterator[Path]:
    """Yield the path of a draft beside a file; the draft takes the file's place when the context ends well.

    Args:
        path: The file to replace.
        mode: Permissions of the new file, set before anything is written; the usual permissions unless given.
        durable: Sync the draft and then its folder to the disk, so that the new file survives a loss of power.

    Raises:
        OSError: The draft cannot be written or put in place; the draft is removed.
    """
    draft = _beside(path)
    try:
        if mode is not None:
            draft.touch(mode)
        yield draft
        if durable:
            sync(draft)
        draft.replace(path)
    finally:
        # On a full disk the draft takes the space that its writer needs to report the error.
        draft.unlink(missing_ok=True)
    if durable:
        sync(path.parent)


def write_text(path: Path, text: str, *, mode: int | None = None, durable: bool = False) -> None:
    """Replace a file with a text in UTF-8; see `replaced`."""
    with replaced(path, mode=mode, durable=durable) as draft:
        draft.write_text(text, encoding="utf-8")


@contextmanager
def new_folder(path: Path) -> Iterator[Path]:
    """Yield the path of an empty draft folder of its owner, which becomes *path* when the context ends well.

    Raises:
        OSError: The draft cannot be made, or *path* is taken; the draft is removed.
    """
    draft = _beside(path)
    try:
        draft.parent.mkdir(parents=True, exist_ok=True)
        draft.mkdir(mode=OWNERS_FOLDER)
        yield draft
        draft.rename(path)
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def remove_folder(path: Path) -> int:
    """Remove a folder as far as its permissions allow; return the bytes that its files had, 0 without a folder."""
    size_bytes = sum(file.stat().st_size for file in path.rglob("*") if file.is_file()) if path.exists() else 0
    shutil.rmtree(path, ignore_errors=True)
    return size_bytes


def sync(path: Path) -> None:
    """Sync the content of a file, or the names in a folder, to the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _beside(path: Path) -> Path:
    """Return an unused hidden path in the same folder."""
    return path.with_name(f".{path.name}.{os.urandom(4).hex()}")
