"""Every acknowledged event is counted exactly once, wherever connections break and whoever stands still or dies."""

import random
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Final, NamedTuple

import pytest

from lab.analysis.judge import Judgement
from lab.load.profiles import load
from lab.model import Evidence, Experiment, Fault
from lab.questions import kill, nothing_counted_twice, nothing_lost, pause
from services.bootstrap.store import bootstrap
from services.ledger.connection import StoreSettings
from tests import programs
from tests.integration.cutting_proxy import CuttingProxy, cutting_proxy
from tests.integration.schedules import assert_exact, trying
from tests.integration.settings import ChaosSettings
from tests.integration.trials import Bench, stack_up

RATE: Final = 1_000.0
DURATION_S: Final = 8.0
LEAST_ACCEPTED: Final = 2_000
LEAST_CUTS: Final = 20
"""Of connections to the store and of the simulator's to ingest-api, together."""
AT_A_TIME: Final = 2
SEEDS: Final = range(ChaosSettings().cut_schedules)
SETTINGS: Final = {"LAB_WORKER_IDLE_S": "1", "LAB_WORKER_NAP_MS": "100"}
STORE_BYTES: Final = 60_000
CALLER_BYTES: Final = 40_000


class Cut(NamedTuple):
    """A stack whose connections are cut: trials on it, and the proxies."""

    bench: Bench
    proxies: tuple[CuttingProxy, ...]


class Tried(NamedTuple):
    """A trial, and the number of connections that were cut in it."""

    evidence: Evidence
    judgement: Judgement
    cuts: int


@pytest.fixture(scope="module")
def tried(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mapping[int, Future[Tried]]]:
    """Run all schedules, two at a time, each on a stack that stays."""
    with ExitStack() as stacks:
        places = [cut_stack(tmp_path_factory.mktemp("state"), number, stacks) for number in range(AT_A_TIME)]
        yield stacks.enter_context(trying(SEEDS, places, try_seed))


def cut_stack(folder: Path, number: int, until: ExitStack) -> Cut:
    """Return a stack whose services reach the store, and whose simulator reaches ingest-api, through proxies."""
    port, _, _ = until.enter_context(programs.store())
    bootstrap(StoreSettings(redis_url=f"redis://127.0.0.1:{port}/0"), require_durability="durable")
    to_store = until.enter_context(cutting_proxy(port, number, most_bytes=STORE_BYTES))
    bench = until.enter_context(stack_up(folder, SETTINGS, redis_url=f"redis://127.0.0.1:{to_store.port}/0"))
    ingest = int(bench.deployment.endpoints.ingest.rpartition(":")[2])
    to_ingest = until.enter_context(cutting_proxy(ingest, 100 + number, most_bytes=CALLER_BYTES))
    through = f"127.0.0.1:{to_ingest.port}"
    opened = bench.parts.load
    cut = replace(bench.parts, load=lambda endpoints: opened(replace(endpoints, ingest_for_simulator=through)))
    return Cut(Bench(bench.deployment, cut), (to_store, to_ingest))


@pytest.mark.alone
@pytest.mark.chaos
@pytest.mark.timeout(180 + 30 * len(SEEDS))
@pytest.mark.parametrize("seed", SEEDS)
def test_nothing_is_lost_or_counted_twice_where_connections_break(
    tried: Mapping[int, Future[Tried]], seed: int
) -> None:
    """Connections are reset at random bytes in both directions, while services are stopped and killed."""
    trial = tried[seed].result()
    assert trial.cuts >= LEAST_CUTS
    assert trial.evidence.store.balance.accepted >= LEAST_ACCEPTED
    assert_exact(trial.evidence, trial.judgement)


def try_seed(seed: int, place: Cut) -> Tried:
    """Run a schedule; connections break until the account is settled."""
    before = sum(proxy.cuts for proxy in place.proxies)
    for proxy in place.proxies:
        proxy.cutting.set()
    try:
        evidence, judgement = place.bench.judged(cut_experiment(seed))
    finally:
        for proxy in place.proxies:
            proxy.cutting.clear()
    return Tried(evidence, judgement, sum(proxy.cuts for proxy in place.proxies) - before)


def cut_experiment(seed: int) -> Experiment:
    """Return an experiment with a stop of each service and a kill of two, whose moments follow from the seed."""
    return Experiment(
        f"cut-{seed}",
        load=load("synthetic", rate=RATE, seed=seed),
        objectives=[nothing_lost(), nothing_counted_twice()],
        duration=DURATION_S,
        warm_up=0,
        faults=stops_and_kills(random.Random(seed)),
    )


def stops_and_kills(draw: random.Random) -> list[Fault]:
    """Return faults in a random order, one after the other."""
    makers: list[Callable[[float], Fault]] = [
        lambda at_s: pause("process-worker", at_s=at_s, seconds=draw.uniform(0.3, 1.2)),
        lambda at_s: pause("ingest-api", at_s=at_s, seconds=draw.uniform(0.3, 1.2)),
        lambda at_s: kill("process-worker", at_s=at_s),
        lambda at_s: kill("ingest-api", at_s=at_s),
    ]
    draw.shuffle(makers)
    return [make(1.0 + 1.5 * turn + draw.uniform(0.0, 0.2)) for turn, make in enumerate(makers)]
