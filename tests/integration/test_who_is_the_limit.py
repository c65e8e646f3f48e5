"""Who is the limit: the workers, the system's front, the generator, or the store's durability.

Each situation is planted on a real stack, and each must be told apart from the others.
"""

import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Final

import pytest
import redis

from lab.analysis.judge import Judgement
from lab.load.profiles import load
from lab.model import Experiment, Fault, Objective
from lab.questions import keeps_up, latency, nothing_lost, pause
from lab.targets.processes.deployment import ProcessDeployment
from tests import programs
from tests.integration.trials import Bench, stack_up
from tests.waiting import beside

DURATION_S: Final = 10.0
RATE: Final = 1_000.0
DECIDED_S: Final = 15.0
"""The answer about the workers may take this long after the load, however long draining would take."""


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    """A stack of this module's own."""
    with stack_up(tmp_path_factory.mktemp("state"), {}) as bench:
        yield bench


def experiment(name: str, *objectives: Objective, faults: tuple[Fault, ...] = ()) -> Experiment:
    """Return ten seconds of a hundred batches a second."""
    wanted = load("synthetic", rate=RATE, batch_events=10)
    return Experiment(name, load=wanted, objectives=objectives, duration=DURATION_S, warm_up=1.0, faults=faults)


def reasons(judged: Judgement) -> set[str]:
    """Return the codes of the reasons why a run may not be believed."""
    return {reason.code for reason in judged.validity.reasons}


@pytest.mark.in_turn(2)
@pytest.mark.alone
@pytest.mark.timeout(120)
def test_a_worker_that_is_too_slow_is_told_before_it_has_drained(tmp_path: Path) -> None:
    """It counts about 100 of 500 events/s: VALID, NOT_MET, decided long before the backlog is gone."""
    slow = {"LAB_WORKER_COST_US": "10000"}
    slow_worker = replace(
        experiment("slow-worker", keeps_up(), nothing_lost()), load=load("synthetic", rate=500.0), warm_up=0.0
    )
    with stack_up(tmp_path, slow) as bench:
        evidence, judged = bench.judged(slow_worker)
    assert evidence.store.balance.backlog > 0, "the worker is not slow enough for this test"
    assert (evidence.read_ns - evidence.load_run.window.end_ns) / 1e9 < DECIDED_S
    assert (judged.validity.status, judged.verdict.status) == ("VALID", "NOT_MET"), judged.validity
    kept, lost = judged.verdict.objectives
    assert kept.observed is not None
    assert kept.observed < 50
    assert (kept.status, lost.status) == ("NOT_MET", "INCONCLUSIVE")


@pytest.mark.in_turn(2)
@pytest.mark.alone
@pytest.mark.timeout(120)
@pytest.mark.parametrize("service", ["ingest-api", "redis"])
def test_a_system_that_stands_still_is_the_limit(bench: Bench, service: str) -> None:
    """Four of ten seconds: all slots fill, batches leave late, and the system is to blame for that."""
    stopped = pause(service, at_s=3.0, seconds=4.0)
    evidence, judged = bench.judged(experiment("stopped", latency(below_ms=500), faults=(stopped,)))
    assert (judged.validity.status, judged.verdict.status) == ("VALID", "NOT_MET"), judged.validity
    assert evidence.load_run.samples.blocked_ns.max() > 0.5e9
    assert "all slots were full for" in judged.validity.checked[0]


@pytest.mark.in_turn(2)
@pytest.mark.alone
@pytest.mark.timeout(120)
@pytest.mark.parametrize("objective", [nothing_lost(), latency(below_ms=500)])
def test_a_generator_that_stands_still_may_not_be_believed(bench: Bench, objective: Objective) -> None:
    """Two of ten seconds: everything is sent in the end, and too late."""
    frozen = pause("simulator", at_s=3.0, seconds=2.0)
    evidence, judged = bench.judged(experiment("frozen", objective, faults=(frozen,)))
    assert evidence.load_run.account.sent == evidence.load_run.account.intended
    assert (judged.validity.status, judged.verdict.status) == ("INVALID", None)
    assert "generator-behind" in reasons(judged)


@pytest.mark.in_turn(2)
@pytest.mark.alone
@pytest.mark.timeout(120)
def test_a_store_that_is_not_durable_for_a_while_is_noticed(bench: Bench) -> None:
    """It is durable at both ends of the run, and was not for five seconds in the middle."""
    assert isinstance(bench.deployment, ProcessDeployment)
    with fsync_switched_off(programs.administrator_of(bench.deployment), after_s=3.0, seconds=5.0):
        evidence, judged = bench.judged(experiment("fsync", nothing_lost()))
    classes = [look.durability for look in evidence.durability]
    assert (classes[0], classes[-1], "window" in classes) == ("durable", "durable", True)
    assert reasons(judged) == {"store-not-durable"}
    assert "looks, first" in judged.validity.reasons[0].message


@contextmanager
def fsync_switched_off(client: redis.Redis, *, after_s: float, seconds: float) -> Iterator[None]:
    """Let the store write without fsync for a while, from another thread; it is durable again at the end."""

    def switch(ending: threading.Event) -> None:
        ending.wait(after_s)
        client.config_set("appendfsync", "no")
        ending.wait(seconds)
        client.config_set("appendfsync", "always")

    with closing(client), beside(switch):
        yield
