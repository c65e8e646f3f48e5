"""Whatever is killed under load, every acknowledged event is counted exactly once."""

import random
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from queue import Queue
from typing import Final, NamedTuple

import pytest

from lab.analysis.judge import Judgement
from lab.load.profiles import load
from lab.model import Evidence, Experiment, Fault
from lab.questions import kill, nothing_counted_twice, nothing_lost
from tests.integration.settings import ChaosSettings
from tests.integration.trials import Bench, stack_up

KILLS: Final = {"process-worker": 3, "ingest-api": 2, "redis": 2}
RATE: Final = 2_000.0
DURATION_S: Final = 13.0
FIRST_S: Final = 1.0
LAST_S: Final = 10.5
APART_S: Final = 0.7
APART_SAME_S: Final = 3.2
"""A killed process is back within about two seconds; a kill of nothing would show nothing."""
LEAST_ACCEPTED: Final = 10_000
TRIES: Final = 3
AT_A_TIME: Final = 3
SEEDS: Final = range(ChaosSettings().schedules)
SETTINGS: Final = {"LAB_WORKER_IDLE_S": "1", "LAB_WORKER_NAP_MS": "150"}
"""A short idle time, so that takeover happens within the run; a long nap, so that something always is in flight."""


class Tried(NamedTuple):
    """What came of one seed: the last of its trials, and why it shows nothing; empty when it does."""

    evidence: Evidence
    judgement: Judgement
    void: str


@pytest.fixture(scope="module")
def tried(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mapping[int, Future[Tried]]]:
    """All schedules, some at a time, each on a stack that stays: the kills of one run are history for the next."""
    benches = Queue[Bench]()
    with ExitStack() as stacks, ThreadPoolExecutor(AT_A_TIME) as pool:
        for _ in range(AT_A_TIME):
            benches.put(stacks.enter_context(stack_up(tmp_path_factory.mktemp("state"), SETTINGS)))
        yield {seed: pool.submit(try_seed, seed, benches) for seed in SEEDS}
        pool.shutdown(cancel_futures=True)


@pytest.mark.alone
@pytest.mark.chaos
@pytest.mark.timeout(180 + 30 * len(SEEDS))
@pytest.mark.parametrize("seed", SEEDS)
def test_nothing_is_lost_or_counted_twice(tried: Mapping[int, Future[Tried]], seed: int) -> None:
    """Worker killed three times, ingest-api twice, the store twice, each with a batch in flight: the account closes."""
    came = tried[seed].result()
    assert not came.void, f"seed {seed} was void {TRIES} times: {came.void}"
    assert_exact(came.evidence, came.judgement)


def try_seed(seed: int, benches: Queue[Bench]) -> Tried:
    """Run a schedule until it shows something, at most so many times."""
    bench = benches.get()
    try:
        for attempt in range(TRIES):
            evidence, judgement = bench.judged(chaos_experiment(seed, attempt))
            came = Tried(evidence, judgement, why_void(evidence))
            if not came.void:
                break
            print(f"seed {seed}, try {attempt + 1}: void, {came.void}")
        return came
    finally:
        benches.put(bench)


def chaos_experiment(seed: int, attempt: int) -> Experiment:
    """Twenty thousand events and seven kills, at moments that follow from the seed."""
    return Experiment(
        f"chaos-{seed}-{attempt}",
        load=load("synthetic", rate=RATE, seed=seed),
        objectives=[nothing_lost(), nothing_counted_twice()],
        duration=DURATION_S,
        warm_up=0,
        faults=kill_schedule(random.Random(1_000 * attempt + seed)),
    )


def kill_schedule(draw: random.Random) -> list[Fault]:
    """Seven kills in random order at random moments, those of one service far enough apart to hit a living process."""
    services = [service for service, times in KILLS.items() for _ in range(times)]
    while True:
        moments = sorted(draw.uniform(FIRST_S, LAST_S) for _ in services)
        draw.shuffle(services)
        faults = [kill(service, at_s=at_s) for service, at_s in zip(services, moments, strict=True)]
        if all(_apart(one, other) for i, one in enumerate(faults) for other in faults[:i]):
            return faults


def _apart(one: Fault, other: Fault) -> bool:
    return abs(one.at_s - other.at_s) >= (APART_SAME_S if one.service == other.service else APART_S)


def why_void(evidence: Evidence) -> str:
    """Why a schedule shows nothing; empty when it does."""
    if evidence.store.balance.accepted < LEAST_ACCEPTED:
        return f"only {evidence.store.balance.accepted:,} events were accepted"
    if len(evidence.faults) < sum(KILLS.values()):
        return f"only {len(evidence.faults)} kills were carried out"
    idle = [fault.service for fault in evidence.faults if not fault.in_flight_events]
    return f"nothing was in flight when {', '.join(idle)} was killed" if idle else ""


def assert_exact(evidence: Evidence, judgement: Judgement) -> None:
    """Nothing lost, nothing twice, no residual, every sum right, every missing metric named."""
    ledger = judgement.ledger
    assert (ledger.lost, ledger.double_counted, ledger.residual, ledger.backlog, ledger.dead) == (0, 0, 0, 0, 0), ledger
    assert evidence.store.audited_backlog == 0
    assert ledger.acknowledged <= ledger.counted <= ledger.acknowledged + ledger.unknown
    wrong = {"ledger-open", "journal-gap", "sums-differ", "store-lost", "telemetry-disagrees", "unsettled"}
    assert not wrong & {reason.code for reason in judgement.validity.reasons}, judgement.validity
