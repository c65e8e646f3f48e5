"""Makes random events, the same events for the same seed."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from services.contracts.batches import Columns
from services.simulator.source import SkippedRow

KINDS = ("temperature", "load", "humidity", "pressure", "voltage", "current", "flow", "level")
SPREAD = 0.1
"""Standard deviation of a value, as a share of its mean."""


class SyntheticSource:
    """Gives readings around a mean for each (source, kind), at their intended times.

    Args:
        seed: Seed of the random numbers.
        sources: Number of sources.
        kinds: Number of kinds.
    """

    notes: Sequence[str] = ()
    description = ""
    is_live = False
    skipped_rows = 0
    skipped: Sequence[SkippedRow] = ()

    def __init__(self, *, seed: int, sources: int, kinds: int) -> None:
        self._draw = np.random.default_rng(seed)
        self._sources = tuple(f"node-{i + 1}" for i in range(sources))
        self._kinds = tuple(KINDS[i] if i < len(KINDS) else f"kind-{i + 1}" for i in range(kinds))
        self._mean = self._draw.uniform(10, 1_000, (sources, kinds))

    def take(self, intended_ns: NDArray[np.int64]) -> Columns:
        """Return the next events."""
        number = len(intended_ns)
        source = self._draw.integers(0, len(self._sources), number, np.uint32)
        kind = self._draw.integers(0, len(self._kinds), number, np.uint32)
        mean = self._mean[source, kind]
        value = np.round(self._draw.normal(mean, SPREAD * mean), 3)
        return Columns(self._sources, self._kinds, source, kind, intended_ns, value)

    def close(self) -> None:
        """Do nothing: the source holds nothing."""
