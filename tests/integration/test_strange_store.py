"""Nothing is lost or counted twice where the store's disk is slow, and where its clock jumps."""

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, closing, contextmanager
from functools import partial
from pathlib import Path
from typing import Final

import pytest

from lab.load.profiles import load
from lab.model import Experiment
from lab.questions import nothing_counted_twice, nothing_lost
from services.bootstrap.store import bootstrap
from services.ledger.connection import StoreSettings
from tests.integration.schedules import assert_exact
from tests.integration.strange_store import COMPILER, StrangeStore, strange_store
from tests.integration.trials import Bench, stack_up
from tests.waiting import beside, until

HOUR_S: Final = 3_600.0
DAY_S: Final = 24 * HOUR_S
DURATION_S: Final = 8.0
LEAST_ACCEPTED: Final = 2_000
DRAINED_S: Final = 10.0

pytestmark = [
    pytest.mark.timeout(120),
    pytest.mark.skipif(COMPILER is None, reason="needs a C compiler, for the library that is loaded into the store"),
]


@contextmanager
def bench_on(folder: Path) -> Iterator[tuple[StrangeStore, Bench]]:
    """Yield a store, and a stack on it."""
    (folder / "store").mkdir()
    with strange_store(folder / "store") as store:
        url = f"redis://127.0.0.1:{store.port}/0"
        bootstrap(StoreSettings(redis_url=url), require_durability="durable")
        with stack_up(folder / "state", {"LAB_WORKER_IDLE_S": "1"}, redis_url=url) as bench:
            yield store, bench


def happening(bench: Bench, changes: Sequence[Callable[[], None]]) -> AbstractContextManager[None]:
    """Make the changes on another thread, a second and a half apart, from the first accepted event on."""

    def carry_out(ending: threading.Event) -> None:
        with closing(bench.parts.ledger(bench.deployment.endpoints)) as ledger:
            until(lambda: ending.is_set() or ledger.view("").balance.accepted > 0)
        for change in changes:
            if ending.wait(1.5):
                return
            change()
        # A program that a thread has started ends with the thread.
        ending.wait()

    return beside(carry_out)


def experiment(name: str) -> Experiment:
    """Return eight seconds of a hundred batches a second."""
    return Experiment(
        name,
        load=load("synthetic", rate=1_000.0),
        objectives=[nothing_lost(), nothing_counted_twice()],
        duration=DURATION_S,
        warm_up=0,
    )


@pytest.mark.in_turn(2)
@pytest.mark.parametrize("sync_s", [0.3, 1.5])
def test_a_store_with_a_slow_disk_that_dies_loses_nothing(tmp_path: Path, sync_s: float) -> None:
    """For some seconds every fsync takes longer, and the store is killed twice meanwhile, under load."""
    with bench_on(tmp_path) as (store, bench):
        slow, fast = partial(store.sees, sync_s=sync_s), store.sees
        slow()
        assert store.write_s() >= sync_s
        fast()
        with happening(bench, [slow, store.restart, store.restart, fast]):
            evidence, judgement = bench.judged(experiment("slow-disk"))
    assert evidence.store.balance.accepted >= LEAST_ACCEPTED
    assert_exact(evidence, judgement)


def test_a_store_whose_clock_jumps_is_drained_at_once(tmp_path: Path) -> None:
    """Its clock is set an hour and a day ahead and back, under load. The backlog is gone within ten seconds."""
    with bench_on(tmp_path) as (store, bench):
        jumps = [partial(store.sees, clock_s=seconds) for seconds in (HOUR_S, -HOUR_S, DAY_S, -DAY_S)]
        with happening(bench, jumps):
            evidence, judgement = bench.judged(experiment("jumps"))
        assert store.ahead_s() == pytest.approx(-DAY_S, abs=60)
    assert evidence.store.balance.accepted >= LEAST_ACCEPTED
    assert (evidence.read_ns - evidence.load_run.window.end_ns) / 1e9 < DRAINED_S
    assert_exact(evidence, judgement)
