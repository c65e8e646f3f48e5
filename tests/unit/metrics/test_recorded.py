"""Kept series answer a plain selector at even steps, as Prometheus would."""

import numpy as np
import pytest

from lab.errors import Unavailable
from lab.metrics.query_table import table_of_recorded
from lab.metrics.recorded import RecordedSource
from lab.model import NANOS, Series, Window


def kept(times_s: list[float], *, name: str = "up", **labels: str) -> Series:
    """Return a series whose samples have the values 1, 2, 3 and so on."""
    return Series(name, labels, np.array(times_s), np.arange(1.0, len(times_s) + 1))


def window(start_s: float, end_s: float) -> Window:
    """Return the window between two moments."""
    return Window(round(start_s * NANOS), round(end_s * NANOS))


def test_every_step_has_the_newest_sample_until_then() -> None:
    """Both ends of the window are steps."""
    (series,) = RecordedSource([kept([10.0, 11.0, 12.0])]).over_time("up", window(10.5, 12.0), step_s=0.5)
    assert series.time_s.tolist() == [10.5, 11.0, 11.5, 12.0]
    assert series.value.tolist() == [1.0, 2.0, 2.0, 3.0]


def test_the_end_of_the_window_is_a_step_whatever_floats_make_of_it() -> None:
    """0.3 s hold three steps of 0.1 s, although their quotient is less than 3."""
    (series,) = RecordedSource([kept([10.0, 10.1, 10.2, 10.3])]).over_time("up", window(10.0, 10.3), step_s=0.1)
    assert len(series.time_s) == 4


def test_a_process_that_is_gone_has_no_value_two_intervals_later() -> None:
    """A sample is not held for ever."""
    (series,) = RecordedSource([kept([10.0, 11.0, 12.0])]).over_time("up", window(12.0, 20.0))
    assert series.time_s.tolist() == [12.0, 13.0, 14.0]


def test_a_step_before_the_first_sample_has_no_value() -> None:
    """A table has NaN there where another series has a value."""
    series = [kept([10.0, 11.0, 12.0], job="a"), kept([12.0, 13.0], job="b")]
    table = table_of_recorded(series, "up", window(10.0, 12.0))
    assert table['up{job="a"}'].tolist() == [1.0, 2.0, 3.0]
    assert table['up{job="b"}'].isna().tolist() == [True, True, False]


def test_a_selector_selects_by_name_and_labels() -> None:
    """Other series are left out."""
    series = [kept([1.0], job="a"), kept([1.0], job="b"), kept([1.0], name="down", job="a")]
    assert list(table_of_recorded(series, 'up{job="a"}', window(1.0, 2.0)).columns) == ['up{job="a"}']


def test_labels_that_no_series_has_give_an_empty_table() -> None:
    """The metric was kept, so that this is an answer."""
    assert table_of_recorded([kept([1.0], job="a")], 'up{job="c"}', window(1.0, 2.0)).shape == (0, 0)


@pytest.mark.parametrize("promql", ["rate(up[5s])", "down", 'up{job=~"a"}'])
def test_what_was_not_kept_is_unavailable(promql: str) -> None:
    """The error says what was kept, and what keeps answering."""
    with pytest.raises(Unavailable) as refused:
        table_of_recorded([kept([1.0], job="a"), kept([1.0], name="other")], promql, window(1.0, 2.0))
    assert refused.value.found.splitlines()[-1] == "other, up"
    assert "lab up" in refused.value.next_step
    assert refused.value.reason == "NOT_KEPT"
