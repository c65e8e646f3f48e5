"""Holds the events of a file, in the order of their times."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray


class Events(NamedTuple):
    """Events in order of time, as arrays of equal length. Events of the same time keep the order of the file.

    Attributes:
        time_ns: Nanoseconds since the epoch, ascending.
        source: Number of the source's name.
        kind: Number of the kind's name.
        value: The reading.
        row: Number of the row in the file.
    """

    time_ns: NDArray[np.int64]
    source: NDArray[np.int32]
    kind: NDArray[np.int32]
    value: NDArray[np.float64]
    row: NDArray[np.int32]

    def __len__(self) -> int:
        """Number of events."""
        return len(self.time_ns)
