"""The port of event sources: synthetic, host, replay."""

from collections.abc import Sequence
from typing import Final, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from services.contracts.batches import Columns
from services.serving.invalid import InvalidData

NO_FILE: Final = "NO_FILE"


class SkippedRow(NamedTuple):
    """A row of a file without a usable value."""

    line: int
    reason: str


class SourceFault(InvalidData):
    """A file is at fault: no events can be read from it."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(reason, message, is_missing=reason == NO_FILE)


class SourceClosed(Exception):
    """The load run has ended, and the source gives no more events."""


class Source(Protocol):
    """Gives events in order."""

    @property
    def notes(self) -> Sequence[str]:
        """Facts that a reader of the result should know."""

    @property
    def description(self) -> str:
        """What was understood of a file, in one line; empty where no file is read."""

    @property
    def is_live(self) -> bool:
        """Whether events exist only from the time when they are due."""

    @property
    def skipped_rows(self) -> int:
        """Number of rows without a usable value."""

    @property
    def skipped(self) -> Sequence[SkippedRow]:
        """The first hundred of these rows."""

    def take(self, intended_ns: NDArray[np.int64]) -> Columns:
        """Return the next events, one for each intended time (ns since the epoch). May wait until they are due.

        Raises:
            SourceClosed: The source was closed, and the events are not due yet.
        """

    def close(self) -> None:
        """Release what the source holds."""
