"""Holds the events of a file, in the order of their times."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray


class Events(NamedTuple):
    """Events in order of time, as arrays of equal length; source and kind are numbers of names, row is a row's number.

    Equal times keep the order of the file.
    """

    time_ns: NDArray[np.int64]
    source: NDArray[np.int32]
    kind: NDArray[np.int32]
    value: NDArray[np.float64]
    row: NDArray[np.int32]

    def __len__(self) -> int:
        """Number of events."""
        return len(self.time_ns)
