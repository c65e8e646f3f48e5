"""Every acknowledged event is counted exactly once, whatever is killed under load."""

import itertools
import random
from collections.abc import Iterator, Mapping
from concurrent.futures import Future
from contextlib import ExitStack
from typing import Final, NamedTuple

import pytest

from lab.analysis.judge import Judgement
from lab.load.profiles import load
from lab.model import Evidence, Experiment, Fault
from lab.questions import kill, nothing_counted_twice, nothing_lost
from tests.integration.schedules import assert_exact, trying
from tests.integration.settings import ChaosSettings
from tests.integration.trials import Bench, stack_up

KILLS: Final = {"process-worker": 3, "ingest-api": 2, "redis": 2}
RATE: Final = 2_000.0
DURATION_S: Final = 13.0
FIRST_S: Final = 1.0
LAST_S: Final = 10.5
APART_S: Final = 0.7
APART_SAME_S: Final = 3.2
"""A killed process is back within about two seconds. A kill before that would show nothing."""
LEAST_ACCEPTED: Final = 10_000
TRIES: Final = 3
AT_A_TIME: Final = 3
SEEDS: Final = range(ChaosSettings().schedules)
SETTINGS: Final = {"LAB_WORKER_IDLE_S": "1", "LAB_WORKER_NAP_MS": "150"}
"""A short idle time, so that takeover happens within the run. A long nap, so that events are always in flight."""


class Tried(NamedTuple):
    """The last trial of a seed. `void` says why the trial shows nothing, and is empty for a trial that does."""

    evidence: Evidence
    judgement: Judgement
    void: str


@pytest.fixture(scope="module")
def tried(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mapping[int, Future[Tried]]]:
    """Run all schedules, three at a time, each on a stack that stays: one run's kills are the next run's history."""
    with ExitStack() as stacks:
        folders = [tmp_path_factory.mktemp("state") for _ in range(AT_A_TIME)]
        benches = [stacks.enter_context(stack_up(folder, SETTINGS)) for folder in folders]
        yield stacks.enter_context(trying(SEEDS, benches, try_seed))


@pytest.mark.alone
@pytest.mark.chaos
@pytest.mark.timeout(180 + 30 * len(SEEDS))
@pytest.mark.parametrize("seed", SEEDS)
def test_nothing_is_lost_or_counted_twice(tried: Mapping[int, Future[Tried]], seed: int) -> None:
    """Three kills of the worker, two of ingest-api and two of the store, all with events in flight."""
    trial = tried[seed].result()
    assert not trial.void, f"seed {seed} was void {TRIES} times: {trial.void}"
    assert_exact(trial.evidence, trial.judgement)


def try_seed(seed: int, bench: Bench) -> Tried:
    """Run a schedule until a trial is not void, at most three times."""
    for attempt in range(TRIES):
        evidence, judgement = bench.judged(chaos_experiment(seed, attempt))
        trial = Tried(evidence, judgement, why_void(evidence))
        if not trial.void:
            break
        print(f"seed {seed}, try {attempt + 1}: void, {trial.void}")
    return trial


def chaos_experiment(seed: int, attempt: int) -> Experiment:
    """Return an experiment of 26,000 events and seven kills, whose moments follow from the seed."""
    return Experiment(
        f"chaos-{seed}-{attempt}",
        load=load("synthetic", rate=RATE, seed=seed),
        objectives=[nothing_lost(), nothing_counted_twice()],
        duration=DURATION_S,
        warm_up=0,
        faults=kill_schedule(random.Random(1_000 * attempt + seed)),
    )


def kill_schedule(draw: random.Random) -> list[Fault]:
    """Return seven kills in random order at random moments, each late enough to hit a living process."""
    services = [service for service, times in KILLS.items() for _ in range(times)]
    while True:
        moments = sorted(draw.uniform(FIRST_S, LAST_S) for _ in services)
        draw.shuffle(services)
        faults = [kill(service, at_s=at_s) for service, at_s in zip(services, moments, strict=True)]
        if all(_are_apart(*pair) for pair in itertools.combinations(faults, 2)):
            return faults


def _are_apart(first: Fault, second: Fault) -> bool:
    return abs(first.at_s - second.at_s) >= (APART_SAME_S if first.service == second.service else APART_S)


def why_void(evidence: Evidence) -> str:
    """Return why a trial shows nothing; an empty text for a trial that does."""
    if evidence.store.balance.accepted < LEAST_ACCEPTED:
        return f"only {evidence.store.balance.accepted:,} events were accepted"
    if len(evidence.faults) < sum(KILLS.values()):
        return f"only {len(evidence.faults)} kills were carried out"
    idle = [fault.service for fault in evidence.faults if not fault.in_flight_events]
    return f"nothing was in flight when {', '.join(idle)} was killed" if idle else ""
