"""Files that are either old or new, never half."""

import os
from pathlib import Path


def write_text(path: Path, text: str) -> None:
    """Replace a file in one step; readers see the old text or the new one."""
    beside = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    beside.write_text(text, encoding="utf-8")
    beside.replace(path)
