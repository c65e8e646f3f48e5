"""Metrics from the series that were kept with a run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from lab.analysis.scrapes import median_distance
from lab.errors import Unavailable
from lab.metrics.selectors import NAME_LABEL, parse_selector
from lab.metrics.steps import steps_in
from lab.model import Series

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from lab.errors import LabError
    from lab.model import Window

HELD_INTERVALS: Final = 2.0
"""How long a sample counts, in intervals of its series; after that there is no value, as in Prometheus."""
KEEPS_ANSWERING: Final = "lab up      (a stack that stays keeps its Prometheus), or LAB_PROMETHEUS_URL=http://host:9090"


class RecordedSource:
    """Answers plain selectors from kept series; satisfies `Evaluating`."""

    def __init__(self, series: Sequence[Series]) -> None:
        self._series = tuple(series)

    def over_time(self, promql: str, window: Window, *, step_s: float = 1.0) -> Sequence[Series]:
        """See `Evaluating.over_time`; every step has the newest sample before it, unless that sample is too old.

        Raises:
            Unavailable: The expression is more than a plain selector.
        """
        selector = parse_selector(promql)
        if selector is None:
            raise self._not_kept(f"cannot evaluate {promql}")
        times_s = np.array(steps_in(window, step_s).times_ms, np.float64) / 1_000
        selected = (series for series in self._series if selector.selects(series.name, series.labels))
        stepped = [_at(times_s, series, promql) for series in selected]
        return [series for series in stepped if len(series.time_s)]

    def fault_of_missing(self, name: str) -> LabError | None:
        """See `Evaluating.fault_of_missing`."""
        return None if name in {series.name for series in self._series} else self._not_kept(f"no samples of {name}")

    def _not_kept(self, attempted: str) -> Unavailable:
        names = ", ".join(sorted({series.name for series in self._series})) or "none"
        return Unavailable(
            attempted,
            found=f"the Prometheus of this run is gone; only plain selectors of kept metrics are answered:\n{names}",
            next_step=KEEPS_ANSWERING,
            code="NOT_KEPT",
        )


def _at(times_s: NDArray[np.float64], series: Series, promql: str) -> Series:
    """Return the sample of a series that counts at each moment; a moment without a sample is left out."""
    newest = np.searchsorted(series.time_s, times_s, side="right") - 1
    has_sample = newest >= 0
    newest, times_s = newest[has_sample], times_s[has_sample]
    counts = times_s - series.time_s[newest] <= HELD_INTERVALS * median_distance(series.time_s)
    labels = {NAME_LABEL: series.name, **series.labels}
    return Series(promql, labels, times_s[counts], series.value[newest[counts]])
