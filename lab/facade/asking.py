"""Evaluates PromQL over a trial's window for a notebook."""

from typing import TYPE_CHECKING

from pandas import DataFrame

from lab.errors import LabError, Unavailable
from lab.metrics.port import MetricSource
from lab.metrics.query import query as query_source
from lab.metrics.query import query_recorded
from lab.metrics.refusals import UNREACHABLE, PrometheusFault
from lab.model import Endpoints, Trial
from lab.settings import LabSettings, load_settings
from lab.wiring import TARGETS, metric_source, target

if TYPE_CHECKING:
    from lab.wiring import Targets


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
    live, trouble = (None, None) if settings.replay else live_source(trial, settings)
    return answered(promql, trial, live=live, trouble=trouble, step_s=step_s)


def answered(
    promql: str, trial: Trial, *, live: MetricSource | None, trouble: LabError | None = None, step_s: float = 1.0
) -> DataFrame:
    """Return the answer of a running Prometheus, else of the series that were kept with the run.

    Args:
        promql: The expression.
        trial: The trial.
        live: The running Prometheus; None where none runs.
        trouble: Why it is not known whether a Prometheus runs.
        step_s: Seconds between two rows.

    Raises:
        UsageFault: Prometheus has no metric of that name.
        LabError: Neither can answer; the message says why for both.
    """
    window = trial.evidence.load_run.window
    if live is not None:
        try:
            return query_source(live, promql, window, step_s=step_s)
        except PrometheusFault as fault:
            if fault.reason != UNREACHABLE:
                raise
            trouble = fault
    try:
        return query_recorded(trial.evidence.series, promql, window, step_s=step_s)
    except Unavailable as refused:
        if trouble is None:
            raise
        both = f"{trouble.attempted}: {trouble.found}\n{refused.found}"
        raise Unavailable(refused.attempted, found=both, next_step=refused.next_step, code=refused.reason) from trouble


def live_source(
    trial: Trial, settings: LabSettings, *, targets: "Targets" = TARGETS
) -> tuple[MetricSource | None, LabError | None]:
    """Return the Prometheus of the stack that is up, else the Prometheus that the settings name, else None.

    The error says why the stack could not be read; it is None where there is no stack, or it was read.
    """
    servers, trouble = Endpoints(prometheus_url=settings.prometheus_url), None
    try:
        stack = target(trial.experiment.target, settings, targets=targets).current()
        if stack is not None and stack.servers.prometheus_url:
            servers = stack.servers
    except LabError as error:
        trouble = error
    return (metric_source(settings, servers) if servers.prometheus_url else None), trouble
