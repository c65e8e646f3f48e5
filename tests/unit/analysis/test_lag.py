"""Whether workers keep up, from looks at the backlog while events are sent."""

from collections.abc import Callable

import numpy as np
import pytest

from lab.analysis.lag import BACKLOG, Lag, backlog_of, lag_of, median_slope
from lab.model import Series
from tests.unit.analysis.builders import samples, series


def looks(backlog_at: Callable[[float], float], *, seconds: float = 20.0, every_s: float = 1.0) -> Series:
    """Return the backlog as a look every second sees it, also after the load."""
    points = [(at, backlog_at(at)) for at in np.arange(0.4, seconds + 10, every_s)]
    return backlog_of([series(BACKLOG, {"job": "lab/query-api"}, points)])


def lag(backlog_at: Callable[[float], float], *, seconds: float = 20.0) -> Lag:
    """Return the lag under 500 events a second."""
    measured = samples(np.full(round(100 * seconds), 3.0), events=5)
    measured_lag = lag_of(measured, looks(backlog_at, seconds=seconds))
    assert measured_lag is not None
    return measured_lag


def test_a_worker_that_counts_97_of_500_does_not_keep_up() -> None:
    """It drains after the load, and that does not matter."""
    measured = lag(lambda at: 403 * at if at <= 20 else max(0.0, 8_060 - 97 * (at - 20)))
    assert measured.counted_share == pytest.approx(97 / 500, abs=0.01)
    assert measured.trend == pytest.approx(403)
    assert not measured.keeps_up(0.99)


@pytest.mark.parametrize("seconds", [10.0, 20.0, 60.0])
def test_a_backlog_that_comes_and_goes_is_kept_up_with(seconds: float) -> None:
    """Up to a tenth of a second's events is usual at any time."""
    random = np.random.default_rng(5)
    assert lag(lambda _at: float(random.integers(0, 50)), seconds=seconds).keeps_up(0.99)


def test_a_bump_that_passes_is_kept_up_with() -> None:
    """A worker that died was replaced, and its successor worked off the backlog before the end."""
    assert lag(lambda at: 2_000.0 if 12 <= at < 16 else 10.0).keeps_up(0.99)


def test_a_worker_that_stops_before_the_end_does_not_keep_up() -> None:
    """The last three seconds are not counted while events are sent."""
    assert not lag(lambda at: max(0.0, 500 * (at - 17))).keeps_up(0.99)


@pytest.mark.parametrize(("percent", "kept"), [(0.5, True), (1.5, False), (5.0, False)])
def test_a_slow_growth_is_noticed_in_a_long_run(percent: float, kept: bool) -> None:  # noqa: FBT001  a parameter
    """One hundredth of the load is the bound."""
    measured = lag(lambda at: 500 * percent / 100 * at, seconds=100.0)
    assert measured.keeps_up(0.99) is kept


def test_too_few_looks_say_nothing() -> None:
    """Four looks, or none, or nothing acknowledged."""
    measured = samples(np.full(400, 3.0))
    assert lag_of(measured, looks(lambda _at: 0.0, seconds=4.0)) is None
    assert lag_of(measured, backlog_of([])) is None
    assert lag_of(samples(np.full(2_000, 3.0), outcome=2), looks(lambda _at: 0.0)) is None


def test_a_day_of_looks_is_thinned_out() -> None:
    """Every look with every other would be four thousand million pairs."""
    time_s = np.arange(86_400.0)
    assert median_slope(time_s, 3.0 * time_s) == pytest.approx(3.0)
