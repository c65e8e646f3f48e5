"""Folders that appear as a whole or not at all, however the program that fills them ends."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def as_a_whole(folder: Path) -> Iterator[Path]:
    """An empty folder that becomes *folder* when the context ends well; beside it is room for what is thrown away."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".making-") as scratch:
        made = Path(scratch, "made")
        made.mkdir()
        yield made
        made.rename(folder)
