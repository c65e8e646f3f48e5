"""Chooses the width of the windows that fits a file. Pure."""

from typing import Final

import numpy as np

from services.contracts.limits import MAX_BATCH_EVENTS, MAX_COMMIT_AGGREGATES, NANOS
from services.simulator.recognition.events import Events

MANY_WINDOWS: Final = 2_000
SECOND, MINUTE, HOUR, DAY = NANOS, 60 * NANOS, 3_600 * NANOS, 86_400 * NANOS
WIDTHS: Final = (
    *(NANOS // 1_000, NANOS // 100, NANOS // 10, SECOND, 10 * SECOND, MINUTE, 10 * MINUTE, HOUR, 6 * HOUR),
    *(DAY, 7 * DAY, 30 * DAY, 365 * DAY),
)
"""Natural widths of windows, ascending."""


def fitting_width(events: Events) -> int:
    """Return the smallest natural width, in ns, with at most 2,000 windows and few enough aggregates per batch.

    Args:
        events: Events in the order of their times, at least one.

    >>> start_and_end, row = np.array([0, 365 * DAY]), np.zeros(2, np.int32)
    >>> fitting_width(Events(start_and_end, row, row, np.zeros(2), row)) // HOUR
    6
    """
    span = int(events.time_ns[-1] - events.time_ns[0])
    for width in WIDTHS:
        if span <= width * MANY_WINDOWS and _most_aggregates(events, width) <= MAX_COMMIT_AGGREGATES:
            return width
    return WIDTHS[-1]


def _most_aggregates(events: Events, width: int) -> int:
    """Return the most aggregates that a batch of the largest size can have, wherever the batch begins."""
    if len(events) <= MAX_COMMIT_AGGREGATES:
        return len(events)
    sources, kinds = int(events.source.max()) + 1, int(events.kind.max()) + 1
    most = 0
    # Every batch lies within blocks of half its size that overlap by half.
    for start in range(0, len(events), MAX_BATCH_EVENTS // 2):
        block = slice(start, start + MAX_BATCH_EVENTS)
        window = events.time_ns[block] // width
        aggregate = ((window - window[0]) * sources + events.source[block]) * kinds + events.kind[block]
        # Sorting is faster than the hashing of `numpy.unique`.
        ordered = np.sort(aggregate)
        most = max(most, 1 + int(np.count_nonzero(ordered[1:] != ordered[:-1])))
    return most
