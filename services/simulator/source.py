"""The port of event sources: synthetic, host, replay."""

from collections.abc import Sequence
from typing import Final, NamedTuple, Protocol

import grpc
import numpy as np
from numpy.typing import NDArray

from services.contracts.batches import Columns
from services.serving.status import Refused

NO_FILE: Final = "NO_FILE"


class SkippedRow(NamedTuple):
    """A row of a file without a usable value."""

    line: int
    reason: str


class SourceFault(Refused):
    """A file is at fault: no events can be read from it."""

    def __init__(self, reason: str, message: str) -> None:
        code = grpc.StatusCode.NOT_FOUND if reason == NO_FILE else grpc.StatusCode.INVALID_ARGUMENT
        super().__init__(code, reason, message, about="data")


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
        """Return the next events, one for each intended time (ns since the epoch). May block, may raise Refused."""

    def close(self) -> None:
        """Release what the source holds."""
