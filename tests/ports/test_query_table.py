"""PromQL as a table, from a real Prometheus and from the samples that were kept with a run."""

from typing import Any

import numpy as np
import pytest

from lab.errors import Unavailable, UsageFault
from lab.metrics.port import Evaluating
from lab.metrics.query_table import table_of, table_of_recorded
from lab.metrics.refusals import PrometheusFault
from lab.model import NANOS, Window
from tests.ports.scraped import (
    COUNTER,
    GROWING,
    JOB,
    World,
    counted,
    live,
    narrow,
    newest_at,
)
from tests.programs import free_port


def seconds(index: Any) -> list[float]:
    """Return the moments of a table, seconds since the epoch."""
    return [float(moment.timestamp()) for moment in index]


def test_a_selector_has_the_same_table_from_both_sources(source: Evaluating, world: World) -> None:
    """A column is named as PromQL writes its label set; the index is in UTC."""
    raw = counted(world.source.raw(COUNTER, world.window), "one")
    table = table_of(source, COUNTER, narrow(raw), step_s=0.1)
    assert list(table.columns) == [f'{COUNTER}{{instance="{name}",job="{JOB}"}}' for name in ("one", "two")]
    assert (table.index.name, str(table.index.dtype)) == ("time", "datetime64[ms, UTC]")
    assert table.iloc[:, 0].tolist() == newest_at(raw, seconds(table.index))
    assert set(table.iloc[:, 1]) == {7.0}


def test_an_answer_without_labels_is_the_column_value(world: World) -> None:
    """It holds floats, a row a step."""
    table = table_of(world.source, f"sum({COUNTER})", world.window, step_s=0.2)
    assert list(table.columns) == ["value"]
    assert table["value"].dtype == np.float64
    assert set(np.round(np.diff(seconds(table.index)), 3)) == {0.2}


def test_a_step_without_a_sample_is_not_a_number(world: World) -> None:
    """The other columns keep their values."""
    expression = f'{GROWING} > 10 or {COUNTER}{{instance="two"}}'
    table = table_of(world.source, expression, world.window, step_s=0.1)
    growing = table[f'{COUNTER}{{instance="one",job="{JOB}"}}']
    assert growing.isna().any()
    assert growing.notna().any()


def test_series_that_differ_in_their_metric_alone_are_columns(world: World) -> None:
    """Their names are labels like any other."""
    table = table_of(world.source, 'count by (__name__) ({job="lab/process-worker"})', world.window)
    assert {"up", COUNTER} <= set(table.columns)


@pytest.mark.parametrize("expression", [f'{COUNTER}{{instance="three"}}', "sum(no_such_metric_total)"])
def test_nothing_is_an_empty_table(world: World, expression: str) -> None:
    """It has the index of any other."""
    table = table_of(world.source, expression, world.window)
    assert table.shape == (0, 0)
    assert (table.index.name, str(table.index.dtype)) == ("time", "datetime64[ms, UTC]")


def test_a_metric_that_does_not_exist_is_an_error(source: Evaluating, world: World) -> None:
    """Where nothing else was asked for."""
    with pytest.raises((UsageFault, Unavailable), match="no_such_metric_total"):
        table_of(source, "no_such_metric_total", world.window)


def test_a_parse_error_shows_the_position(world: World) -> None:
    """With the server's sentence, and a mark under the place."""
    with pytest.raises(UsageFault) as refused:
        table_of(world.source, "sum by job (up)", world.window)
    sentence, line, mark = refused.value.found.splitlines()
    assert '1:8: parse error: unexpected identifier "job"' in sentence
    assert (line, mark) == ("sum by job (up)", "       ^")


def test_an_expression_that_cannot_be_evaluated_is_the_callers_fault(world: World) -> None:
    """The server parses it, and then refuses."""
    with pytest.raises(UsageFault, match="many-to-many matching not allowed"):
        table_of(world.source, f"{COUNTER} + on(job) {COUNTER}", world.window)


@pytest.mark.parametrize("step_s", [0.0, -1.0, float("nan"), float("inf"), "2"])
def test_a_step_is_a_positive_time(source: Evaluating, world: World, step_s: float) -> None:
    """Seconds."""
    with pytest.raises(UsageFault, match="step_s"):
        table_of(source, COUNTER, world.window, step_s=step_s)


def test_kept_series_answer_where_the_server_is_gone(world: World) -> None:
    """By their metric and labels."""
    series = world.source.raw(COUNTER, world.window)
    table = table_of_recorded(series, f'{COUNTER}{{job="{JOB}", instance="two"}}', world.window, step_s=0.1)
    assert list(table.columns) == [f'{COUNTER}{{instance="two",job="{JOB}"}}']
    assert set(table.iloc[:, 0]) == {7.0}


def test_nobody_there_is_still_unavailable() -> None:
    """An expression is not to blame for it."""
    with pytest.raises(PrometheusFault) as missing:
        table_of(live(f"http://127.0.0.1:{free_port()}"), "up", Window(0, NANOS))
    assert (missing.value.reason, missing.value.status) == ("PROM_UNREACHABLE", 0)
