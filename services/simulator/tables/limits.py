"""Bounds what the reading of one file may take."""

import time
from pathlib import Path
from typing import Final

from services.contracts.limits import MAX_KEYS_PER_RUN
from services.simulator.source import SourceFault
from services.simulator.tables.free_memory import free_bytes

MAX_BYTES: Final = 512 << 20
"""Bytes of a file once it is unpacked, eight times an upload: a small board holds as much in memory."""
MAX_COLUMNS: Final = MAX_KEYS_PER_RUN
"""Columns of a file. A column of readings is at least one (source, kind) pair, of which a run has no more."""
MAX_CELLS: Final = 20_000_000
"""Rows times columns, and values. At 20,000 events a second they last for a quarter of an hour."""
CELL_BYTES: Final = 50
"""Memory of a cell of a table, measured on a file with an event for each row."""
VALUE_BYTES: Final = 100
"""Memory of a value while the events are brought into order, measured on a file of values only."""
MAX_SECONDS: Final = 90.0
"""Seconds of reading, within the two minutes that the lab waits for a load run beyond its duration."""
SPLIT: Final = "split the file, or keep the columns and rows that matter"


class Budget:
    """Ends the reading of a file that takes too much.

    Args:
        path: The file, for messages.
        seconds: Seconds that reading may take from now on.
        memory_bytes: Memory that reading may take; all that is free unless given.
    """

    def __init__(self, path: Path, *, seconds: float = MAX_SECONDS, memory_bytes: int | None = None) -> None:
        self._path, self._seconds = path, seconds
        self._until_s = time.monotonic() + seconds
        self._bytes = 0
        self._memory_bytes = free_bytes() if memory_bytes is None else memory_bytes

    def take_bytes(self, number: int) -> None:
        """Count bytes that were unpacked or will be. Raises SourceFault beyond the limit."""
        self._bytes += number
        if self._bytes > MAX_BYTES:
            self._refuse("FILE_TOO_LARGE", f"more than {MAX_BYTES >> 20} MiB once it is unpacked")

    def check_columns(self, number: int) -> None:
        """Raise SourceFault for too many columns."""
        if number > MAX_COLUMNS:
            self._refuse("TOO_MANY_COLUMNS", f"{number:,} columns, limit {MAX_COLUMNS:,}")

    def check_cells(self, rows: int, columns: int) -> None:
        """Raise SourceFault for too many cells."""
        size = f"{rows:,} rows of {columns:,} columns are {rows * columns:,} cells"
        self._check_size("TOO_MANY_CELLS", rows * columns, CELL_BYTES, size)

    def check_values(self, number: int) -> None:
        """Raise SourceFault for more values than can be brought into order."""
        self._check_size("TOO_MANY_VALUES", number, VALUE_BYTES, f"{number:,} values")

    def check_time(self) -> None:
        """Raise SourceFault when the time is over."""
        if time.monotonic() > self._until_s:
            self._refuse("FILE_TOO_SLOW", f"reading takes more than {self._seconds:g} s")

    def _check_size(self, reason: str, number: int, each_bytes: int, size: str) -> None:
        room = self._memory_bytes // each_bytes
        if number > MAX_CELLS:
            self._refuse(reason, f"{size}, limit {MAX_CELLS:,}")
        if number > room:
            self._refuse(reason, f"{size}, the memory that is free holds {room:,}")

    def _refuse(self, reason: str, excess: str) -> None:
        raise SourceFault(reason, f"{self._path}: {excess}\n{SPLIT}")
