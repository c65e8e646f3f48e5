"""Which batches are traced: one in a hundred, two a second where that is more, and always the first."""

import secrets
from typing import Final

SHARE: Final = 0.01
LEAST_PER_SECOND: Final = 2.0


class Sampling:
    """Decides batch by batch, by intended time alone, so that a slow system is not traced less."""

    def __init__(self) -> None:
        self._taken = 0
        self._seen = 0

    def takes(self, offset_s: float) -> bool:
        """Whether the batch that is due then is traced."""
        self._seen += 1
        wanted = max(1.0, SHARE * self._seen, LEAST_PER_SECOND * offset_s)
        if self._taken + 1 > wanted:
            return False
        self._taken += 1
        return True


def producer_id() -> bytes:
    """Sixteen random bytes: a producer's identity."""
    return secrets.token_bytes(16)
