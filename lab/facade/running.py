"""Carries out an experiment for a notebook, once or at every level of a factor."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from lab.display.choosing import display_for_this_process
from lab.errors import UsageFault
from lab.facade.showing import prepare_notebook
from lab.interrupts import received
from lab.model import Experiment, Trial
from lab.model.factors import FACTORS, Level
from lab.reports.report import write
from lab.runs.contents import CONTENTS
from lab.runs.notebooks.adoption import adopt_output
from lab.runs.notebooks.this_kernel import (
    defaults_here,
    notebook_within,
    papermill_here,
    parameters_here,
    refuse_bad_parameters,
    shell_here,
    this_notebook,
)
from lab.runs.record import RunRecord, was_interrupted
from lab.runs.replay import recorded_for
from lab.runs.store import folder_for
from lab.settings import load_settings, project_of, settings_for
from lab.trials.ports import NotebookParameters
from lab.trials.possible import refuse_few_files, refuse_impossible, refuse_senseless
from lab.trials.trial import run_trial
from lab.wiring import parts, run_store, target


def run(experiment: Experiment) -> Trial:
    """Carry out an experiment and keep its record; with `LAB_REPLAY=1` read the recorded trial instead.

    A trial takes a little longer than the experiment's warm-up and duration, in seconds, together.

    Args:
        experiment: What is sent, for how long, what is broken, what must hold, and where.

    Returns:
        The trial: its request, its evidence, its judgement. A notebook shows the trial as a card.

    Raises:
        UsageFault: A parameter of the notebook or a part of the experiment makes no sense, there is no such target or
            objective, or the target cannot carry out a fault; nothing was started.
        LabError: The experiment cannot be carried out, or has no recorded trial; the record says so, too.
        Interrupted: Ctrl-C, or another signal that ends this program, before anything was measured. Later it ends the
            load or the draining alone, and the trial is returned.
    """
    settings = settings_for(this_notebook())
    prepare_notebook()
    refuse_bad_parameters()
    refuse_senseless(experiment)
    if settings.replay:
        return recorded_for(settings.project, experiment)
    refuse_few_files()
    chosen = parts(experiment.target, settings)
    refuse_impossible(experiment, chosen.target)
    notebook = NotebookParameters(parameters_here(), defaults_here())
    folder = folder_for(
        experiment,
        run_store(settings),
        begun=settings.run_id,
        notebook=notebook_within(project_of(this_notebook())),
        parameters=notebook.values,
    )
    adopt_output(papermill_here(), folder.path)
    display = display_for_this_process(settings, shell_here())
    with received() as interrupts, RunRecord(folder, publish=_publish) as record:
        return run_trial(experiment, replace(chosen, interrupts=interrupts), record, display, notebook=notebook)


def run_each(experiment: Experiment, factor: str, levels: Sequence[Level] = ()) -> tuple[Trial, ...]:
    """Carry out an experiment once at every level of a factor, one after the other, each a run of its own.

    Args:
        experiment: The experiment; only the factor differs between the trials.
        factor: A key of `lab.model.factors.FACTORS`.
        levels: Levels of the factor; those of the target unless given. Without a level, the experiment runs once.

    Returns:
        One trial for each level, in the order of the levels; none after a trial that was interrupted.

    Raises:
        UsageFault: There is no such factor.
        LabError: A trial cannot be carried out; the trials after it are not begun.
    """
    trials: list[Trial] = []
    for varied in varied_by(experiment, factor, levels):
        trials.append(run(varied))
        if was_interrupted(trials[-1]):
            break
    return tuple(trials)


def run_on_each_architecture(experiment: Experiment) -> tuple[Trial, ...]:
    """Carry out an experiment once on every architecture of its target, one after the other, each a run of its own.

    Simulator and query-api stay on the first architecture, so that the same programs measure every trial. ingest-api
    and process-worker move. On this machine, which has one architecture, the experiment is carried out once.

    Returns:
        One trial for each architecture, in the order of the setting `LAB_ARCHITECTURES`.

    Raises:
        LabError: A trial cannot be carried out; the trials after it are not begun.
    """
    return run_each(experiment, "architecture")


def varied_by(experiment: Experiment, factor: str, levels: Sequence[Level] = ()) -> Sequence[Experiment]:
    """Return the experiment at every level of a factor, named after the level; itself where there is no level.

    Args:
        experiment: The experiment.
        factor: A key of `lab.model.factors.FACTORS`.
        levels: Levels of the factor; those of the target unless given.

    Raises:
        UsageFault: There is no such factor, or no such target.

    >>> from lab.load.profiles import load
    >>> experiment = Experiment("baseline", load("synthetic", rate=1_000), ())
    >>> [(varied.name, varied.duration) for varied in varied_by(experiment, "duration", [20.0, 60.0])]
    [('baseline-20.0', 20.0), ('baseline-60.0', 60.0)]
    """
    if factor not in FACTORS:
        step = f'lab.run_each(experiment, "{next(iter(FACTORS))}")'
        raise UsageFault(f'no factor "{factor}"', found=f"there are: {', '.join(FACTORS)}", next_step=step)
    at_level = FACTORS[factor].at_level
    levels = levels or target(experiment.target, load_settings()).levels(factor)
    return [_named(at_level(experiment, level), level) for level in levels] or [experiment]


def _named(experiment: Experiment, level: object) -> Experiment:
    return replace(experiment, name=f"{experiment.name}-{level}")


def _publish(trial: Trial) -> None:
    """Write the report of a run and its figures into the run's folder."""
    write(trial, Path(trial.folder), contents=CONTENTS)
