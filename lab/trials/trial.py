"""Runs one trial without knowing any target: deploy, warm up, load, drain, collect, judge, record."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from lab.analysis.judge import judge
from lab.display.port import Display
from lab.errors import LabError
from lab.interrupts import Interrupted, Interrupts
from lab.model import Experiment, Trial
from lab.targets.port import Deployment, StackRequest
from lab.trials.deploying import brought_up
from lab.trials.explain import blaming_first
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

    A signal that asks this program to end also ends the phase that is under way. What was measured until then is
    judged and recorded, and the stack is left as it was.

    Raises:
        LabError: The experiment cannot be carried out.
        Interrupted: A signal arrived before anything was measured, or the trial could not be completed after it.
    """
    started_ns = parts.now_ns()
    request = StackRequest(
        settings=experiment.settings, keep_logs=recorder.keep_logs, architecture=experiment.architecture
    )
    with _ended_by(parts.interrupts), brought_up(parts, request, display.stage) as deployment:
        parts.interrupts.defer()
        environment = parts.environment(deployment)
        with _blaming_first(deployment, experiment, recorder.logs, since_ns=started_ns):
            evidence = observe(experiment, parts, deployment, display=display, run=recorder.run_id)
    validity, verdict, ledger, comparison = judge(experiment, evidence)
    trial = Trial(
        run_id=recorder.run_id,
        experiment=experiment,
        started_ns=started_ns,
        ended_ns=parts.now_ns(),
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
    kept = recorder.succeeded(trial, interrupted=parts.interrupts.came() or evidence.load_run.stopped)
    parts.interrupts.check()
    return kept


@contextmanager
def _blaming_first(
    deployment: Deployment, experiment: Experiment, logs: Path | None, *, since_ns: int
) -> Iterator[None]:
    """Add to an error what died first, without planned faults, and where the logs are kept."""
    try:
        yield
    except LabError as error:
        planned, deaths = {fault.service for fault in experiment.faults}, []
        with suppress(LabError):
            deaths = [
                death for death in deployment.deaths() if death.at_ns >= since_ns and death.service not in planned
            ]
        told = blaming_first(error, deaths, logs)
        if told is error:
            raise
        raise told from error


@contextmanager
def _ended_by(interrupts: Interrupts) -> Iterator[None]:
    """Raise Interrupted in place of an error that follows a signal."""
    try:
        yield
    except LabError as error:
        if not interrupts.came():
            raise
        raise Interrupted(interrupts.numbers[-1]) from error
