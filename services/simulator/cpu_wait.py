"""Reads for how long a thread was ready to run and got no CPU."""

import os
from contextlib import suppress
from types import TracebackType
from typing import Final, Self

SCHEDSTAT: Final = "/proc/thread-self/schedstat"
"""Nanoseconds on a CPU, nanoseconds of waiting for a CPU, number of turns; of the thread that opens the file."""
READ_BYTES: Final = 96
WAITED: Final = 1
"""Place of the waiting in the file."""


class CpuWait:
    """The waits for a CPU of the thread that enters this context; no waits where the kernel does not count them."""

    def __init__(self, path: str = SCHEDSTAT) -> None:
        self._path = path
        self._file = -1
        self._seen_ns = 0

    def __enter__(self) -> Self:
        with suppress(OSError):
            self._file = os.open(self._path, os.O_RDONLY)
        self._seen_ns = self._total_ns()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._file >= 0:
            os.close(self._file)

    def grown_ns(self) -> int:
        """Return the nanoseconds of waiting since the last call, or since the beginning."""
        before, self._seen_ns = self._seen_ns, self._total_ns()
        return max(0, self._seen_ns - before)

    def _total_ns(self) -> int:
        if self._file < 0:
            return 0
        try:
            return int(os.pread(self._file, READ_BYTES, 0).split()[WAITED])
        except (OSError, ValueError, IndexError):
            return self._seen_ns
