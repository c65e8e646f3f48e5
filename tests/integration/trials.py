"""Runs trials on a stack that stays up for a module of tests."""

import itertools
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Final

from lab.analysis.judge import Judgement, judge
from lab.display.silent import NoDisplay
from lab.model import Evidence, Experiment
from lab.settings import LabSettings, load_settings
from lab.targets.port import Deployment, StackRequest
from lab.trials.phases import observe
from lab.trials.ports import Parts
from lab.wiring import parts

_NUMBERS: Final = itertools.count(1)


class Bench:
    """A stack that is up, on which trials can run."""

    def __init__(self, deployment: Deployment, wired: Parts) -> None:
        self.deployment, self.parts = deployment, wired

    def observe(self, experiment: Experiment) -> Evidence:
        """Carry out an experiment; return its evidence."""
        run = f"{experiment.name}-{next(_NUMBERS)}"
        return observe(experiment, self.parts, self.deployment, display=NoDisplay(), run=run)

    def judged(self, experiment: Experiment) -> tuple[Evidence, Judgement]:
        """Carry out an experiment; return its evidence and judgement."""
        evidence = self.observe(experiment)
        return evidence, judge(experiment, evidence)


@contextmanager
def stack_up(state_dir: Path, settings: Mapping[str, str], *, redis_url: str = "") -> Iterator[Bench]:
    """Yield a throw-away stack with these settings of services, apart from the user's stacks.

    Args:
        state_dir: Where the stack is kept.
        settings: Settings of services by environment name.
        redis_url: A store that runs already; empty starts a store.
    """
    lab_settings = isolated(state_dir, redis_url=redis_url)
    wired = parts("processes", lab_settings)
    with wired.target.deployed(StackRequest(settings=settings), lambda *_: None) as deployment:
        deployment.bring_up()
        yield Bench(deployment, wired)


def isolated(state_dir: Path, *, redis_url: str = "") -> LabSettings:
    """Return the lab's settings with another state folder; fetched programs stay where they are."""
    return load_settings(state_dir=state_dir, redis_url=redis_url or None)


def renamed(experiment: Experiment, name: str) -> Experiment:
    """Return the experiment under another name."""
    return replace(experiment, name=name)
