"""Creates folders that appear complete or not at all."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def as_a_whole(folder: Path) -> Iterator[Path]:
    """Yield an empty folder that becomes *folder* when the context ends without an error.

    Its parent folder is temporary; other files in it are removed.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".making-") as scratch:
        made = Path(scratch, "made")
        made.mkdir()
        yield made
        made.rename(folder)
