"""The answer to PromQL over a window, as a table for a notebook."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

import numpy as np
import pandas as pd

from lab.errors import UsageFault
from lab.metrics.recorded import RecordedSource
from lab.metrics.refusals import PrometheusFault
from lab.metrics.selectors import NAME_LABEL, parse_selector, selector, without_name
from lab.model.arguments import check_number

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from lab.metrics.port import Evaluating
    from lab.model import Series, Window

INVALID: Final = frozenset({400, 422})
"""HTTP statuses for an expression that cannot be parsed, and for an expression that cannot be evaluated."""
POSITION: Final = re.compile(r"\b(\d+):(\d+): parse error")
WITHOUT_LABELS: Final = "value"


def table_of(source: Evaluating, promql: str, window: Window, *, step_s: float = 1.0) -> pd.DataFrame:
    """Evaluate a PromQL expression at every step of a window.

    Args:
        source: What evaluates the expression.
        promql: The expression.
        window: The first step is at its start; no step is after its end.
        step_s: Seconds between two rows; more where the window would have more than 10,900 rows.

    Returns:
        A table of shape (steps, label sets), ready for `.plot()`. The index `time` is datetime64 in UTC. Every label
        set of the answer is a column of floats in the unit of the expression, named as PromQL writes the label set:
        `{job="lab/ingest-api"}`, `up{job="lab/ingest-api"}`; an answer without labels is the column `value`. A step
        where a label set has no sample is NaN. An answer without any sample has no rows and no columns.

    Raises:
        UsageFault: The expression is no PromQL, or a plain selector names a metric that does not exist.
        Unavailable: The source does not answer, or cannot evaluate this expression.
    """
    check_number("step_s", step_s, above=0)
    try:
        answer = source.over_time(promql, window, step_s=step_s)
    except PrometheusFault as fault:
        if fault.status not in INVALID:
            raise
        raise UsageFault("cannot evaluate this PromQL", found=_pointed(promql, fault.detail), code="PROMQL") from fault
    plain = None if answer else parse_selector(promql)
    missing = source.fault_of_missing(plain.name) if plain else None
    if missing is not None:
        raise missing
    return _table(answer)


def table_of_recorded(series: Sequence[Series], promql: str, window: Window, *, step_s: float = 1.0) -> pd.DataFrame:
    """Return the table of a plain selector, `name` or `name{label="value"}`, from the series kept with a run.

    The table has the form of `table_of`'s.

    >>> from lab.model import Series, Window
    >>> kept = Series("up", {"job": "lab/query-api"}, np.array([1.0, 2.0]), np.array([0.0, 1.0]))
    >>> table = table_of_recorded([kept], "up", Window(1_000_000_000, 2_000_000_000))
    >>> list(table.columns), table.iloc[:, 0].tolist()
    (['up{job="lab/query-api"}'], [0.0, 1.0])

    Raises:
        Unavailable: The expression is more than a plain selector, or its metric was not kept.
    """
    return table_of(RecordedSource(series), promql, window, step_s=step_s)


def _table(answer: Sequence[Series]) -> pd.DataFrame:
    columns = {_column(series.labels): pd.Series(series.value, _times(series.time_s)) for series in answer}
    rows = _times(np.unique(np.concatenate([np.empty(0), *(series.time_s for series in answer)])))
    return pd.DataFrame({name: columns[name] for name in sorted(columns)}, rows)


def _times(time_s: NDArray[np.float64]) -> pd.DatetimeIndex:
    """Return moments in UTC, to the millisecond, as Prometheus keeps them; seconds since the epoch."""
    milliseconds = np.round(time_s * 1_000).astype(np.int64)
    return pd.DatetimeIndex(milliseconds.astype("datetime64[ms]"), tz="UTC", name="time")


def _column(labels: Mapping[str, str]) -> str:
    return selector(labels.get(NAME_LABEL, ""), without_name(labels)) or WITHOUT_LABELS


def _pointed(promql: str, sentence: str) -> str:
    """Return the server's sentence, and the line of the expression with a mark at the position in the sentence."""
    position = POSITION.search(sentence)
    lines = promql.splitlines()
    if position is None or int(position[1]) > len(lines):
        return sentence
    return f"{sentence}\n{lines[int(position[1]) - 1]}\n{' ' * (int(position[2]) - 1)}^"
