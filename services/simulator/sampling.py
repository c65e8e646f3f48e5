"""Decides which batches are traced: one in a hundred, at least two a second, and always the first."""

from typing import Final

SHARE: Final = 0.01
LEAST_PER_SECOND: Final = 2.0


class Sampling:
    """Decides by the intended time alone, so that a slow system is not traced less.

    >>> sampling = Sampling()
    >>> [sampling.takes(offset_s) for offset_s in (0.0, 0.1, 0.2, 1.0)]
    [True, False, False, True]
    """

    def __init__(self) -> None:
        self._taken = 0
        self._seen = 0

    def takes(self, offset_s: float) -> bool:
        """Return whether to trace the next batch, which is due *offset_s* seconds after the start."""
        self._seen += 1
        wanted = max(1.0, SHARE * self._seen, LEAST_PER_SECOND * offset_s)
        if self._taken + 1 > wanted:
            return False
        self._taken += 1
        return True
