"""The use case: deploy, warm up, load, drain, collect, judge, record; knows ports only."""

import time

from lab.analysis.judge import judge
from lab.analysis.objectives import kind_of
from lab.display.port import Display
from lab.errors import UsageFault
from lab.model import Experiment, Trial
from lab.targets.port import StackRequest, Target
from lab.trials.deploying import brought_up
from lab.trials.phases import observe
from lab.trials.ports import NO_NOTEBOOK, NotebookParameters, Parts, Recorder


def run_trial(
    experiment: Experiment,
    parts: Parts,
    recorder: Recorder,
    display: Display,
    *,
    notebook: NotebookParameters = NO_NOTEBOOK,
) -> Trial:
    """Carry out one experiment and keep its record.

    Raises:
        LabError: The experiment cannot be carried out.
    """
    started_ns = time.time_ns()
    request = StackRequest(
        settings=experiment.settings, keep_logs=recorder.keep_logs, architecture=experiment.architecture
    )
    with brought_up(parts, request, display.stage) as deployment:
        environment = parts.environment(deployment)
        evidence = observe(experiment, parts, deployment, display=display, run=recorder.run_id)
    validity, verdict, ledger, comparison = judge(experiment, evidence)
    trial = Trial(
        run_id=recorder.run_id,
        experiment=experiment,
        started_ns=started_ns,
        ended_ns=time.time_ns(),
        evidence=evidence,
        validity=validity,
        verdict=verdict,
        ledger=ledger,
        comparison=comparison,
        environment=environment,
        parameters=notebook.values,
        defaults=notebook.defaults,
        place=parts.target.declaration.place,
    )
    return recorder.succeeded(trial, interrupted=evidence.load_run.stopped)


def refuse_impossible(experiment: Experiment, target: Target) -> None:
    """Raise where no judge knows an objective, or the target cannot carry out a fault.

    Raises:
        UsageFault: The message names the objective or fault, why it is impossible, and what to request instead.
    """
    for objective in experiment.objectives:
        kind_of(objective)
    for fault in experiment.faults:
        if hindrance := target.hindrance(fault):
            raise UsageFault(
                f"cannot {fault.kind} {fault.service} on target {target.declaration.name}",
                found=hindrance.why,
                next_step=hindrance.next_step,
                code="NO_SUCH_FAULT",
            )
