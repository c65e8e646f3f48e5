"""The steps at which an expression is evaluated over a window: whole milliseconds, as Prometheus keeps time. Pure."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from lab.model import Window

MAX_STEPS: Final = 10_900
"""Steps of a window; Prometheus refuses more than 11,000 points a series, and both ends of a range are points."""
NANOS_PER_MS: Final = 1_000_000


@dataclass(frozen=True, slots=True)
class Steps:
    """Evenly spaced moments.

    Attributes:
        start_ms: The first moment, in milliseconds since the epoch.
        step_ms: Milliseconds between two moments.
        count: Number of steps; there is one moment more.
    """

    start_ms: int
    step_ms: int
    count: int

    @property
    def end_ms(self) -> int:
        """The last moment, in milliseconds since the epoch."""
        return self.start_ms + self.count * self.step_ms

    @property
    def times_ms(self) -> range:
        """Every moment, in milliseconds since the epoch."""
        return range(self.start_ms, self.end_ms + 1, self.step_ms)


def steps_in(window: Window, step_s: float) -> Steps:
    """Return the steps of a window, longer than *step_s* seconds where the window would have too many.

    >>> from lab.model import Window
    >>> steps_in(Window(10_000_400_000, 10_300_300_000), 0.1)
    Steps(start_ms=10000, step_ms=100, count=3)
    """
    start_ms, end_ms = round(window.start_ns / NANOS_PER_MS), round(window.end_ns / NANOS_PER_MS)
    shortest_ms = math.ceil((end_ms - start_ms) / MAX_STEPS)
    step_ms = max(1, round(step_s * 1_000), shortest_ms)
    return Steps(start_ms, step_ms, (end_ms - start_ms) // step_ms)
