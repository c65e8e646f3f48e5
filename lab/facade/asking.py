"""Evaluates PromQL over a trial's window for a notebook."""

from typing import TYPE_CHECKING, NamedTuple

from pandas import DataFrame

from lab.errors import LabError, Unavailable
from lab.metrics.port import MetricSource
from lab.metrics.query_table import table_of, table_of_recorded
from lab.metrics.refusals import UNREACHABLE, PrometheusFault
from lab.model import Endpoints, Trial
from lab.settings import LabSettings, load_settings
from lab.wiring import TARGETS, metric_source, target

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lab.wiring import OpenTarget


class Live(NamedTuple):
    """The Prometheus that runs now.

    Attributes:
        source: Reads its metrics; None where none is known.
        trouble: Why a stack could not be read; None where there is no stack, or it was read.
    """

    source: MetricSource | None
    trouble: LabError | None = None


def query(promql: str, trial: Trial, *, step_s: float = 1.0) -> DataFrame:
    """Evaluate PromQL over a trial's window.

    A running Prometheus answers. Where none runs, the series kept with the run answer a plain selector.

    Args:
        promql: The expression.
        trial: The trial; its window is the measured phase.
        step_s: Seconds between two rows.

    Returns:
        One row a step (index `time`, UTC), one column a series; values are floats in the metric's own unit. No row
        and no column where nothing matches the expression.

    Raises:
        UsageFault: Prometheus has no metric of that name.
        LabError: Prometheus refuses the expression, or neither Prometheus nor the kept series can answer.
    """
    settings = load_settings()
    live = Live(None) if settings.replay else live_source(trial, settings)
    return answered(promql, trial, live=live, step_s=step_s)


def answered(promql: str, trial: Trial, *, live: Live, step_s: float = 1.0) -> DataFrame:
    """Return the answer of a running Prometheus, else of the series that were kept with the run.

    The kept series answer, too, where Prometheus has nothing of that time: it may have been started after the run.

    Args:
        promql: The expression.
        trial: The trial.
        live: The Prometheus that runs now.
        step_s: Seconds between two rows.

    Raises:
        UsageFault: Prometheus has no metric of that name.
        LabError: Neither can answer; the message says why for both.
    """
    window, trouble = trial.evidence.load_run.window, live.trouble
    if live.source is not None:
        try:
            table = table_of(live.source, promql, window, step_s=step_s)
            return table if len(table) else _kept(promql, trial, otherwise=table, step_s=step_s)
        except PrometheusFault as fault:
            if fault.reason != UNREACHABLE:
                raise
            trouble = fault
    try:
        return table_of_recorded(trial.evidence.series, promql, window, step_s=step_s)
    except Unavailable as refused:
        if trouble is None:
            raise
        both = f"{trouble.attempted}: {trouble.found}\n{refused.found}"
        raise Unavailable(refused.attempted, found=both, next_step=refused.next_step, code=refused.reason) from trouble


def _kept(promql: str, trial: Trial, *, otherwise: DataFrame, step_s: float) -> DataFrame:
    """Return the answer of the kept series; *otherwise* where they cannot answer."""
    try:
        return table_of_recorded(trial.evidence.series, promql, trial.evidence.load_run.window, step_s=step_s)
    except LabError:
        return otherwise


def live_source(trial: Trial, settings: LabSettings, *, targets: "Mapping[str, OpenTarget]" = TARGETS) -> Live:
    """Return the Prometheus of the stack that is up, else the Prometheus that the settings name, else none.

    The error is set only where a stack could not be read.
    """
    servers, trouble = Endpoints(prometheus_url=settings.prometheus_url), None
    try:
        stack = target(trial.experiment.target, settings, targets=targets).current()
        if stack is not None and stack.servers.prometheus_url:
            servers = stack.servers
    except LabError as error:
        trouble = error
    return Live(metric_source(settings, servers) if servers.prometheus_url else None, trouble)
