"""Opens a file as text, whatever its first bytes tell: packed by gzip, UTF-8, UTF-16 or UTF-32."""

import codecs
import gzip
import io
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Final

from services.simulator.source import SourceFault
from services.simulator.tables.limits import Budget

GZIP: Final = b"\x1f\x8b"
ENCODINGS: Final = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
"""(first bytes, encoding). UTF-32 stands first, since its mark begins like that of UTF-16."""
FOREIGN: Final = (
    (b"PAR1", "a Parquet file", "name it ….parquet"),
    (b"ARROW1", "an Arrow (Feather) file", "write it as Parquet"),
    (b"PK\x03\x04", "a zip archive or an Excel workbook", "unpack it, or save the sheet as CSV"),
    (b"\xd0\xcf\x11\xe0", "an Excel workbook", "save the sheet as CSV"),
    (b"SQLite format 3\x00", "a SQLite database", "export the table as CSV"),
    (b"\x28\xb5\x2f\xfd", "a file packed by zstd", "unpack it: zstd -d"),
    (b"\xfd7zXZ\x00", "a file packed by xz", "unpack it: xz -d"),
    (b"BZh91AY&SY", "a file packed by bzip2", "unpack it: bunzip2"),
)
"""(first bytes, what begins with them, what to do)."""
LONGEST_MARK: Final = 16
LONGEST_LINE: Final = 64 << 20
"""Characters: all that an upload may have. An answer of Prometheus is a single line."""
ZEROS: Final = bytes(2)
"""The other halves of the first two letters in UTF-16."""


@contextmanager
def opened_text(path: Path, budget: Budget) -> Iterator[IO[str]]:
    """Open a file as text. Ends of lines stay as they are.

    Raises:
        SourceFault: The first bytes are those of another format, or the text is longer than the budget.
    """
    with path.open("rb") as file:
        is_packed = file.peek(len(GZIP)).startswith(GZIP)
        unpacked = gzip.GzipFile(fileobj=file) if is_packed else file
        with io.BufferedReader(_Counted(unpacked, budget)) as plain:
            first = plain.peek(LONGEST_MARK)
            _check_format(path, first)
            with io.TextIOWrapper(plain, encoding_of(first), newline="") as text:
                yield text


def encoding_of(first: bytes) -> str:
    """Return the encoding that the first bytes of a text tell: their mark, else zeros beside the first letters.

    >>> encoding_of("time,temp".encode("utf-16-le")), encoding_of(b"time,temp")
    ('utf-16-le', 'utf-8')
    """
    for mark, name in ENCODINGS:
        if first.startswith(mark):
            return name
    for position, name in ((1, "utf-16-le"), (0, "utf-16-be")):
        if first[position:4:2] == ZEROS:
            return name
    return "utf-8"


def bounded_lines(file: IO[str], path: Path) -> Iterator[str]:
    """Yield the lines of a text. Raises SourceFault for a line that is too long to be held in memory."""
    while line := file.readline(LONGEST_LINE):
        if len(line) == LONGEST_LINE:
            raise SourceFault("LINE_TOO_LONG", f"{path}: a line of more than {LONGEST_LINE >> 20} Mi characters")
        yield line


def _check_format(path: Path, first: bytes) -> None:
    for mark, what, advice in FOREIGN:
        if first.startswith(mark):
            raise SourceFault("FOREIGN_FORMAT", f"{path}: its first bytes are those of {what}; {advice}")


class _Counted(io.RawIOBase):
    """Counts the bytes that are read from a file."""

    def __init__(self, file: IO[bytes] | gzip.GzipFile, budget: Budget) -> None:
        self._file, self._budget = file, budget

    def readable(self) -> bool:
        """Return True."""
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        """Read into a buffer. Return the number of bytes."""
        content = self._file.read(len(buffer))
        self._budget.take_bytes(len(content))
        self._budget.check_time()
        buffer[: len(content)] = content
        return len(content)
