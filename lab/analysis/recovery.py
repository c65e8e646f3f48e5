"""How long a system needs to recover from a fault (`ARCHITECTURE.md`, *Recovery*)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from lab.analysis.estimate import Estimate
from lab.analysis.scrapes import median_distance
from lab.model import NANOS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from lab.model import FaultRecord, Series

USUAL_QUANTILE: Final = 0.95
MIN_USUAL_SAMPLES: Final = 3
HOLD_S: Final = 2.0
GAP_INTERVALS: Final = 3


def usual_backlog(backlog: Series, fault: FaultRecord, *, floor: float = 0.0) -> float | None:
    """Return the 95th percentile of the backlog before a fault; None where there are fewer than three samples.

    It is at least *floor*: a system under load cannot be held to a backlog of 0 that every scrape happened to see.
    """
    before = backlog.value[backlog.time_s < fault.started_ns / NANOS]
    if len(before) < MIN_USUAL_SAMPLES:
        return None
    return max(floor, float(np.quantile(before, USUAL_QUANTILE)))


def recovery_s(
    fault: FaultRecord,
    backlog: Series,
    *,
    floor: float = 0.0,
    hold_s: float = HOLD_S,
    violations: Sequence[Series] = (),
) -> Estimate:
    """Return the seconds from a fault to the first instant from which on every condition holds.

    Args:
        fault: Its start is the start of the recovery.
        backlog: Events not yet committed, over time.
        floor: Backlog that is usual under this load in any case, in events.
        hold_s: For how long the conditions must hold from that instant on.
        violations: Further conditions over time: a value above 0 violates one, NaN says nothing.

    Returns:
        The first sample from which on every condition holds; `low` is the last sample before that violates one, since
        nothing is known in between. Without a value where the conditions never hold; `low` is then how long they
        certainly did not.
    """
    usual = usual_backlog(backlog, fault, floor=floor)
    if usual is None:
        return Estimate(None, note=f"the backlog was sampled fewer than {MIN_USUAL_SAMPLES} times before the fault")
    start_s = fault.started_ns / NANOS
    interval_s = median_distance(backlog.time_s)
    good, bad = _split(start_s, backlog, usual, violations)
    for instant in good:
        violated = bad[bad >= instant]
        if (not len(violated) or violated[0] > instant + hold_s) and _held(good, instant, hold_s, interval_s):
            before = bad[bad < instant]
            return Estimate(
                float(instant - start_s),
                low=float(before[-1] - start_s) if len(before) else 0.0,
                high=float(instant - start_s),
                note=f"backlog at most {usual:,.0f} for {hold_s:g} s",
                samples=len(good) + len(bad),
            )
    return Estimate(
        None,
        low=float(bad[-1] - start_s) if len(bad) else 0.0,
        note=f"the backlog was not seen at or below {usual:,.0f} for {hold_s:g} s",
        samples=len(good) + len(bad),
    )


def _split(
    start_s: float, backlog: Series, usual: float, violations: Sequence[Series]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the times since the fault with a usual backlog, and those with any violated condition."""
    since = backlog.time_s >= start_s
    time_s, usual_again = backlog.time_s[since], backlog.value[since] <= usual
    violated = [series.time_s[(series.time_s >= start_s) & (series.value > 0)] for series in violations]
    return time_s[usual_again], np.sort(np.concatenate([time_s[~usual_again], *violated]))


def _held(good: NDArray[np.float64], instant: float, hold_s: float, interval_s: float) -> bool:
    """Return whether samples cover the hold time without a gap of more than three of their intervals."""
    inside = good[(good >= instant) & (good <= instant + hold_s)]
    covered = good[-1] >= instant + hold_s - interval_s
    return bool(covered and np.diff(inside).max(initial=0.0) <= GAP_INTERVALS * interval_s)
