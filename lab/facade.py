"""What a notebook calls: run an experiment, ask for metrics, show answers."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from pandas import DataFrame

from lab.display.choosing import display_for_this_process
from lab.errors import LabError, Unavailable, UsageFault
from lab.metrics.port import MetricSource
from lab.metrics.query import query as query_source
from lab.metrics.query import query_recorded
from lab.metrics.refusals import UNREACHABLE, PrometheusFault
from lab.model import Endpoints, Experiment, Trial
from lab.model.factors import FACTORS, Level
from lab.reports import breakdown as breakdown_report
from lab.reports import card, comparison
from lab.reports.answer import answer, conclusion
from lab.reports.report import write
from lab.reports.table import Table
from lab.runs.adoption import adopt_output
from lab.runs.contents import CONTENTS
from lab.runs.record import RunRecord
from lab.runs.replay import recorded_for
from lab.runs.store import folder_for
from lab.runs.this_kernel import defaults_here, notebook_within, papermill_here, parameters_here, shell_here
from lab.settings import load_settings
from lab.trials.ports import NotebookParameters
from lab.trials.trial import refuse_impossible, run_trial
from lab.wiring import metric_source, parts, run_store, target

__all__ = ["answer", "breakdown", "conclusion", "query", "run", "run_each", "run_on_each_architecture", "side_by_side"]


def run(experiment: Experiment) -> Trial:
    """Carry out an experiment and keep its record; with `LAB_REPLAY=1` read the recorded trial instead.

    Returns:
        The trial: its request, its evidence, its judgement. A notebook shows the trial as a card.

    Raises:
        LabError: The experiment cannot be carried out; the record says so, too.
    """
    settings = load_settings()
    show_as_cards()
    if settings.replay:
        return recorded_for(settings.project, experiment)
    chosen = parts(settings, experiment.target)
    refuse_impossible(experiment, chosen.target)
    notebook = NotebookParameters(parameters_here(), defaults_here())
    folder = folder_for(
        experiment,
        run_store(settings),
        begun=settings.run_id,
        notebook=notebook_within(settings.project),
        parameters=notebook.values,
    )
    adopt_output(papermill_here(), folder.path)
    display = display_for_this_process(settings, shell_here())
    with RunRecord(folder, publish=_publish) as record:
        return run_trial(experiment, chosen, record, display, notebook=notebook)


def run_each(experiment: Experiment, factor: str, levels: Sequence[Level] = ()) -> tuple[Trial, ...]:
    """Carry out an experiment once at every level of a factor, one after the other, each a run of its own.

    Args:
        experiment: The experiment; only the factor differs between the trials.
        factor: A key of `lab.model.factors.FACTORS`.
        levels: Levels of the factor; those of the target unless given. Without a level, the experiment runs once.

    Raises:
        UsageFault: There is no such factor.
        LabError: A trial cannot be carried out.
    """
    return tuple(run(varied) for varied in varied_by(experiment, factor, levels))


def run_on_each_architecture(experiment: Experiment) -> tuple[Trial, ...]:
    """Carry out an experiment once on every architecture of its target, one after the other, each a run of its own.

    Simulator and query-api stay on the first architecture, so that the same programs measure every trial. ingest-api
    and process-worker move. On this machine, which has one architecture, the experiment is carried out once.

    Raises:
        LabError: A trial cannot be carried out.
    """
    return run_each(experiment, "architecture")


def varied_by(experiment: Experiment, factor: str, levels: Sequence[Level] = ()) -> Sequence[Experiment]:
    """Return the experiment at every level of a factor, named after the level.

    Raises:
        UsageFault: There is no such factor.
    """
    if factor not in FACTORS:
        step = f'lab.run_each(experiment, "{next(iter(FACTORS))}")'
        raise UsageFault(f'no factor "{factor}"', found=f"there are: {', '.join(FACTORS)}", next_step=step)
    at_level = FACTORS[factor].at_level
    names = levels or target(experiment.target, load_settings()).levels(factor)
    return [_named(at_level(experiment, level), level) for level in names] or [experiment]


def query(promql: str, trial: Trial, *, step_s: float = 1.0) -> DataFrame:
    """Evaluate PromQL over a trial's window.

    A running Prometheus answers. Where none runs, the series kept with the run answer a plain selector.

    Args:
        promql: The expression.
        trial: The trial; its window is the measured phase.
        step_s: Seconds between two rows.

    Returns:
        One row a step (index `time`, UTC), one column a series; values are floats in the metric's own unit.

    Raises:
        LabError: Prometheus refuses the expression, or neither Prometheus nor the kept series can answer.
    """
    window = trial.evidence.load_run.window
    source, trouble = _live_source(trial)
    if source is not None:
        try:
            return query_source(source, promql, window, step_s=step_s)
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


def _live_source(trial: Trial) -> tuple[MetricSource | None, LabError | None]:
    """Return the Prometheus of the stack that is up, else the Prometheus that the settings name, else None.

    The error says why the stack could not be read.
    """
    settings = load_settings()
    if settings.replay:
        return None, None
    servers, trouble = Endpoints(prometheus_url=settings.prometheus_url), None
    try:
        stack = target(trial.experiment.target, settings).current()
        if stack is not None and stack.servers.prometheus_url:
            servers = stack.servers
    except LabError as error:
        trouble = error
    return (metric_source(settings, servers) if servers.prometheus_url else None), trouble


def breakdown(trial: Trial) -> Table:
    """Return a table of the work and the cost of each architecture and node in a trial."""
    return breakdown_report.table(trial)


def side_by_side(trials: Sequence[Trial]) -> Table:
    """Return trials in columns: figures with intervals, ratios to the first trial, whether each trial keeps up."""
    return comparison.table(trials)


def show_as_cards() -> None:
    """Let IPython show every trial as its card: HTML in a notebook, text in a terminal."""
    shell = shell_here()
    if shell is None or shell.display_formatter is None:
        return
    formatters = shell.display_formatter.formatters
    formatters["text/html"].for_type(Trial, card.html)
    formatters["text/plain"].for_type(Trial, lambda trial, printer, _cycle: printer.text(card.text(trial)))


def _named(experiment: Experiment, level: object) -> Experiment:
    return replace(experiment, name=f"{experiment.name}-{level}")


def _publish(trial: Trial) -> None:
    """Write the report of a run and its figures into the run's folder."""
    write(trial, Path(trial.folder), contents=CONTENTS)
