"""Whether the workers keep up with the load: the lag, events accepted and not yet counted, must not grow.

The lag is decided while events are sent. A backlog that only disappears after the load has ended is a system that does
not keep up.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from lab.analysis.counters import named
from lab.analysis.latency import ACKNOWLEDGED
from lab.model import NANOS, Series
from services.contracts.signals import STREAM_BACKLOG

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from lab.model import Samples

BACKLOG: Final = STREAM_BACKLOG.prometheus_name
USUAL_BACKLOG_S: Final = 0.1
"""A system under load may have a tenth of a second's events in its backlog at any time."""
MIN_LOOKS: Final = 5
"""Fewer looks show no trend."""
MOST_LOOKS: Final = 500
"""The trend compares every look with every other; more looks are thinned out evenly."""
MAX_TREND: Final = 0.01
"""Growth of the lag per second, as a share of the load."""


class Lag(NamedTuple):
    """The lag while events were sent.

    Attributes:
        counted_share: Counted over acknowledged events, between the first and the last look at the backlog.
        trend: Growth of the backlog in events per second: the median slope between any two looks.
        load: Acknowledged events per second.
        growth: Events by which the backlog grew between the first and the last look.
        looks: How often the backlog was looked at.
    """

    counted_share: float
    trend: float
    load: float
    growth: float
    looks: int

    def keeps_up(self, at_least: float) -> bool:
        """Return whether the workers keep up, where *at_least* is the least share of counted events."""
        if self.growth <= USUAL_BACKLOG_S * self.load:
            return True
        return self.counted_share >= at_least and self.trend < MAX_TREND * self.load


def backlog_of(series: Sequence[Series]) -> Series:
    """Return the looks at the backlog by time, in events; a query-api that restarted has series of its own."""
    parts = named(series, BACKLOG)
    time_s = np.concatenate([np.empty(0), *(part.time_s for part in parts)])
    value = np.concatenate([np.empty(0), *(part.value for part in parts)])
    order = np.argsort(time_s, kind="stable")
    return Series(BACKLOG, {}, time_s[order], value[order])


def lag_of(samples: Samples, backlog: Series) -> Lag | None:
    """Return the lag while events were sent.

    Args:
        samples: One row a batch.
        backlog: Looks at the backlog, in events.

    Returns:
        None where the backlog was looked at fewer than five times while events were sent, or nothing was acknowledged.
    """
    since_s = backlog.time_s - samples.started_ns / NANOS
    rows = samples.outcome == ACKNOWLEDGED
    if not rows.any():
        return None
    inside = (since_s >= 0) & (since_s <= samples.intended_ns.max() / NANOS)
    looks_s, events = since_s[inside], backlog.value[inside]
    if len(looks_s) < MIN_LOOKS:
        return None
    first_s, last_s = float(looks_s[0]), float(looks_s[-1])
    completed_s = samples.completed_ns[rows] / NANOS
    acknowledged = float(samples.events[rows][(completed_s > first_s) & (completed_s <= last_s)].sum())
    growth = float(events[-1] - events[0])
    return Lag(
        counted_share=1 - growth / acknowledged if acknowledged else float(growth <= 0),
        trend=median_slope(looks_s, events),
        load=acknowledged / (last_s - first_s),
        growth=growth,
        looks=len(looks_s),
    )


def median_slope(time_s: NDArray[np.float64], value: NDArray[np.float64]) -> float:
    """Return the median slope between any two points, per second; a bump that passes does not change it.

    This is the estimator of Theil and Sen (https://doi.org/10.1080/01621459.1968.10480934).

    >>> median_slope(np.array([0.0, 1.0, 2.0, 3.0]), np.array([0.0, 2.0, 90.0, 6.0]))
    2.0
    """
    rows = np.unique(np.linspace(0, len(time_s) - 1, min(len(time_s), MOST_LOOKS)).astype(int))
    left, right = np.triu_indices(len(rows), k=1)
    distance = time_s[rows][right] - time_s[rows][left]
    apart = distance > 0
    return float(np.median((value[rows][right] - value[rows][left])[apart] / distance[apart]))
