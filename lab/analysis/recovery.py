"""How long after a fault all was well again (`ARCHITECTURE.md`, *Recovery*)."""

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
    """The 95th percentile of the backlog before a fault; None where it was hardly looked at.

    *floor* keeps a backlog that happened to be scraped at 0 each time from demanding 0 of a system under load.
    """
    before = backlog.value[backlog.time_s < fault.started_ns / NANOS]
    if len(before) < MIN_USUAL_SAMPLES:
        return None
    return max(floor, float(np.quantile(before, USUAL_QUANTILE)))


def recovery_s(
    fault: FaultRecord, backlog: Series, *, floor: float = 0.0, hold_s: float = HOLD_S, others: Sequence[Series] = ()
) -> Estimate:
    """Seconds from a fault to the first instant after which everything holds.

    Args:
        fault: Its beginning is where the time begins.
        backlog: Events not yet settled, over time.
        floor: Backlog that is usual under this load in any case, in events.
        hold_s: For how long it must hold from that instant on.
        others: Further conditions over time: a value above 0 is a violation, NaN says nothing.

    Returns:
        The first look at which all was well; `low` is the last look at which it was not, since between two looks nobody
        knows. Without a value where it never held; `low` is then how long it certainly had not.
    """
    usual = usual_backlog(backlog, fault, floor=floor)
    if usual is None:
        return Estimate(None, note=f"the backlog was looked at fewer than {MIN_USUAL_SAMPLES} times before the fault")
    start_s = fault.started_ns / NANOS
    interval_s = median_distance(backlog.time_s)
    good, bad = _looks(start_s, backlog, usual, others)
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


def _looks(
    start_s: float, backlog: Series, usual: float, others: Sequence[Series]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Times of looks at the backlog that were fine, and times of any look that was not, since the fault."""
    since = backlog.time_s >= start_s
    time_s, well = backlog.time_s[since], backlog.value[since] <= usual
    violations = [one.time_s[(one.time_s >= start_s) & (one.value > 0)] for one in others]
    return time_s[well], np.sort(np.concatenate([time_s[~well], *violations]))


def _held(good: NDArray[np.float64], instant: float, hold_s: float, interval_s: float) -> bool:
    """Whether looks cover the hold-down without a gap of more than three of their intervals."""
    inside = good[(good >= instant) & (good <= instant + hold_s)]
    covered = good[-1] >= instant + hold_s - interval_s
    return bool(covered and np.diff(inside).max(initial=0.0) <= GAP_INTERVALS * interval_s)
