"""Trials on a stack that stays up for a whole module of tests."""

import itertools
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Final

from lab.analysis.judge import Judgement, judge
from lab.load.port import Progress
from lab.model import Evidence, Experiment, Trial
from lab.settings import LabSettings, load_settings
from lab.targets.port import Deployment, StackRequest
from lab.trials.experiment import Parts, observe
from lab.wiring import parts

_NUMBERS: Final = itertools.count(1)


class Unrecorded:
    """A recorder that keeps nothing; it names runs apart."""

    def __init__(self, name: str) -> None:
        self.run_id = f"{name}-{next(_NUMBERS)}"
        self.folder = Path()

    def stage(self, stage: str, message: str, seconds: float | None = None) -> None:
        """See `lab.trials.experiment.Recorder`."""

    def progress(self, stage: str, progress: Progress, *, of_s: float) -> None:
        """See `lab.trials.experiment.Recorder`."""

    def keep_logs(self, logs: Mapping[str, Path]) -> None:
        """See `lab.trials.experiment.Recorder`."""

    def succeeded(self, trial: Trial, *, interrupted: bool) -> Trial:
        """See `lab.trials.experiment.Recorder`."""
        return trial


class Bench:
    """A stack that is up, and trials on it."""

    def __init__(self, deployment: Deployment, wired: Parts) -> None:
        self.deployment, self.parts = deployment, wired

    def observe(self, experiment: Experiment) -> Evidence:
        """Carry out an experiment, without judging it."""
        return observe(experiment, self.parts, self.deployment, Unrecorded(experiment.name))

    def judged(self, experiment: Experiment) -> tuple[Evidence, Judgement]:
        """Carry out an experiment, with what it means."""
        evidence = self.observe(experiment)
        return evidence, judge(experiment, evidence)


@contextmanager
def stack_up(state_dir: Path, settings: Mapping[str, str]) -> Iterator[Bench]:
    """A throw-away stack with settings of its services, away from the user's own."""
    lab_settings = isolated(state_dir)
    wired = parts(lab_settings, "processes")
    with wired.target.deployed(StackRequest(settings=settings, reuse=False), lambda *_: None) as deployment:
        yield Bench(deployment, wired)


def isolated(state_dir: Path) -> LabSettings:
    """The lab's settings with a state folder of the test's own; what was fetched stays where it is."""
    return load_settings(state_dir=state_dir)


def renamed(experiment: Experiment, name: str) -> Experiment:
    """The same experiment under another name."""
    return replace(experiment, name=name)
