"""Keeps the newest spans in a file, and no more of them than a disk has room for."""

import io
from pathlib import Path
from typing import Final

KEPT_BYTES: Final = 64 << 20
"""At one sampled batch a second, a service writes about 200 MB of spans a day."""


class SpanFile(io.TextIOBase):
    """A text stream whose file is set aside when it is full; the file that was set aside before is replaced.

    Args:
        path: The file. What is set aside has `.1` before the suffix, such as `query-api.1.jsonl`.
        kept_bytes: Size of a full file. On disk there is at most twice as much.
    """

    def __init__(self, path: Path, *, kept_bytes: int = KEPT_BYTES) -> None:
        super().__init__()
        self._path, self._aside = path, path.with_suffix(f".1{path.suffix}")
        self._kept_bytes = kept_bytes
        self._file = path.open("ab")

    def writable(self) -> bool:
        """Return True."""
        return True

    def write(self, text: str, /) -> int:
        """Write a text whole into one file."""
        data = text.encode()
        if self._file.tell() and self._file.tell() + len(data) > self._kept_bytes:
            self._file.close()
            self._path.replace(self._aside)
            self._file = self._path.open("ab")
        self._file.write(data)
        return len(text)

    def flush(self) -> None:
        """Give what was written to the operating system."""
        if not self._file.closed:
            self._file.flush()

    def close(self) -> None:
        """Close the file."""
        self._file.close()
        super().close()
