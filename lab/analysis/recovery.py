"""How long a system needs to recover from a fault (`ARCHITECTURE.md`, *Recovery*)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from lab.analysis.estimate import Estimate
from lab.analysis.scrapes import median_distance
from lab.model import NANOS
from services.contracts.takeover import LONGEST_TAKEOVER_S

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from lab.model import FaultRecord, Series

USUAL_QUANTILE: Final = 0.95
"""Of the backlog before the first fault: a rare peak there does not make a large backlog usual."""
MIN_USUAL_SAMPLES: Final = 3
DETECTION_S: Final = LONGEST_TAKEOVER_S
"""Seconds after which every effect of a fault has begun; the takeover of a dead worker's entries begins last."""
HOLD_LOOKS: Final = 2
"""Looks at the backlog after the detection time, since an effect is seen at the next look only."""
GAP_INTERVALS: Final = 3
"""Intervals between looks; a longer time without a look is a gap."""


def usual_backlog(backlog: Series, until_ns: int, *, floor: float = 0.0) -> float | None:
    """Return the 95th percentile of the backlog in the quiet seconds; None where it was looked at fewer than 3 times.

    Args:
        backlog: Events not yet committed, over time.
        until_ns: Start of the first fault, nanoseconds since the epoch.
        floor: The least that is returned. Under load, a backlog of 0 at every look is chance.
    """
    before = backlog.value[backlog.time_s < until_ns / NANOS]
    if len(before) < MIN_USUAL_SAMPLES:
        return None
    return max(floor, float(np.quantile(before, USUAL_QUANTILE)))


def recovery_s(
    fault: FaultRecord,
    backlog: Series,
    *,
    quiet_until_ns: int,
    floor: float = 0.0,
    detection_s: float = DETECTION_S,
    violations: Sequence[Series] = (),
) -> Estimate:
    """Return the seconds from a fault to the first instant from which on every condition holds.

    The conditions must hold for the detection time and two looks at the backlog, since an effect may begin late. A gap
    in the looks leaves no value: nobody knows what happened in it.

    Args:
        fault: Its start is the start of the recovery.
        backlog: Events not yet committed, over time.
        quiet_until_ns: Start of the first fault; the backlog before it is usual.
        floor: Backlog that is usual under this load in any case, in events.
        detection_s: Seconds after which every effect of a fault has begun.
        violations: Further conditions over time: a value above 0 violates one, NaN says nothing.

    Returns:
        The time of the first look from which on every condition holds. `low` is the time of the last look before it
        that violates a condition: nothing is known in between. Where the conditions never hold, there is no value, and
        `low` is how long they certainly did not hold.
    """
    usual = usual_backlog(backlog, quiet_until_ns, floor=floor)
    if usual is None:
        few = f"the backlog was looked at fewer than {MIN_USUAL_SAMPLES} times before the first fault"
        return Estimate(None, note=few)
    start_s, interval_s = fault.started_ns / NANOS, median_distance(backlog.time_s)
    hold_s = detection_s + HOLD_LOOKS * interval_s
    looks, good, bad = _looks(start_s, backlog, usual, violations)
    note = f"the backlog was not seen at or below {usual:,.0f} for {hold_s:g} s"
    for instant in good:
        if _holds_from(instant, bad, hold_s) and looks[-1] >= instant + hold_s - interval_s:
            before = bad[bad < instant]
            low = float(before[-1] - start_s) if len(before) else 0.0
            if gap_s := _longest_gap_s(start_s, looks, instant + hold_s, interval_s):
                note = (
                    f"nobody looked at the backlog for {gap_s:.1f} s, within {hold_s:g} s of {instant - start_s:.1f} s"
                )
                return Estimate(None, low=low, note=note, samples=len(looks))
            value = float(instant - start_s)
            return Estimate(value, low, value, f"backlog at most {usual:,.0f} for {hold_s:g} s", len(looks))
    return Estimate(None, low=float(bad[-1] - start_s) if len(bad) else 0.0, note=note, samples=len(looks))


def _looks(
    start_s: float, backlog: Series, usual: float, violations: Sequence[Series]
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Return the times since the fault: of all looks, of those with a usual backlog, of every violated condition."""
    since = backlog.time_s >= start_s
    time_s, usual_again = backlog.time_s[since], backlog.value[since] <= usual
    violated = [series.time_s[(series.time_s >= start_s) & (series.value > 0)] for series in violations]
    return time_s, time_s[usual_again], np.sort(np.concatenate([time_s[~usual_again], *violated]))


def _holds_from(instant: float, bad: NDArray[np.float64], hold_s: float) -> bool:
    """Return whether no condition is violated from an instant on, for the hold time."""
    later = bad[bad >= instant]
    return not len(later) or bool(later[0] > instant + hold_s)


def _longest_gap_s(start_s: float, looks: NDArray[np.float64], until_s: float, interval_s: float) -> float:
    """Return the longest time without a look between a fault and the end of the hold time; 0 where looks are dense."""
    times = np.concatenate([[start_s], looks[looks < until_s], [until_s]])
    longest_s = float(np.diff(times).max())
    return longest_s if longest_s > GAP_INTERVALS * interval_s else 0.0
