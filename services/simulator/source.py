"""What a source of events can do."""

from collections.abc import Sequence
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from services.contracts.batches import Columns


class SkippedRow(NamedTuple):
    """A row of a file without a usable value."""

    line: int
    reason: str


class SourceFault(Exception):
    """Events cannot be had; *reason* is a word for programs, the message is for people."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


class Source(Protocol):
    """Gives events in order."""

    @property
    def notes(self) -> Sequence[str]:
        """Things a reader of the result should know."""

    @property
    def is_live(self) -> bool:
        """Whether events can only be had when they are due."""

    @property
    def skipped_rows(self) -> int:
        """Rows without a usable value."""

    @property
    def skipped(self) -> Sequence[SkippedRow]:
        """The first hundred of them."""

    def take(self, intended_ns: NDArray[np.int64]) -> Columns:
        """The next events, one for each intended time (ns since the epoch); may block, may raise SourceFault."""

    def close(self) -> None:
        """Give back what it holds."""
