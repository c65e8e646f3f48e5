"""Three ways to lose telemetry, planted, each called by its own name."""

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType
from typing import Final

import pytest

from lab.analysis.agreement import KILLED, NOT_INCREMENTED, STOPPED
from lab.analysis.judge import Judgement
from lab.load.profiles import load
from lab.model import Experiment, Fault
from lab.questions import kill, nothing_counted_twice, nothing_lost
from lab.targets.processes import scraping
from lab.targets.processes.deployment import ProcessDeployment
from lab.trials.experiment import Patience, await_scrape
from tests.integration.trials import Bench, stack_up

DURATION_S: Final = 6.0
PLANTED_AT_S: Final = 3.0
UNSCRAPED_S: Final = 14.0
"""Prometheus looks at a changed list of targets every five seconds; three more make a gap."""
FORGETFUL: Final = '''
from services.contracts.signals import WORKER_EVENTS_PROCESSED
from services.telemetry.instruments import Instruments

add, calls = Instruments.add, []

def forgetful_add(self, signal, amount, *labels):
    """Leave out every third commit."""
    if signal is WORKER_EVENTS_PROCESSED:
        calls.append(amount)
        if len(calls) % 3 == 0:
            return
    add(self, signal, amount, *labels)

Instruments.add = forgetful_add
'''

pytestmark = pytest.mark.timeout(120)


def test_nothing_is_missing_in_a_quiet_run(tmp_path: Path) -> None:
    """Without a fault Prometheus has every event that the ledger counted."""
    judgement = judged(tmp_path)
    assert judgement.comparison.difference == 0
    assert judgement.comparison.prometheus_counted == judgement.ledger.counted == judgement.ledger.accepted > 0


def test_a_process_killed_before_its_scrape(tmp_path: Path) -> None:
    """What a worker had counted since its last scrape goes with it, and is called that."""
    judgement = judged(tmp_path, kill("process-worker", at_s=PLANTED_AT_S))
    assert causes(judgement) == {KILLED}


def test_scraping_that_stopped(tmp_path: Path) -> None:
    """A worker that goes on counting while nobody scrapes it."""
    with stack_up(tmp_path, {}) as bench, unscraped(bench, after_s=PLANTED_AT_S):
        _, judgement = bench.judged(question(duration=UNSCRAPED_S))
    assert causes(judgement) == {STOPPED}
    assert judgement.validity.status == "INVALID"


def test_a_counter_that_is_not_incremented(tmp_path: Path) -> None:
    """A worker that commits and forgets to count it is seen in full, and still has too little."""
    planted = tmp_path / "planted"
    planted.mkdir()
    (planted / "sitecustomize.py").write_text(FORGETFUL)
    judgement = judged(tmp_path, settings={"PYTHONPATH": str(planted)})
    assert causes(judgement) == {NOT_INCREMENTED}


def question(*faults: Fault, duration: float = DURATION_S) -> Experiment:
    """A few thousand events."""
    return Experiment(
        "planted",
        load=load("synthetic", rate=1_000),
        objectives=[nothing_lost(), nothing_counted_twice()],
        duration=duration,
        warm_up=1.0,
        faults=faults,
    )


def judged(state_dir: Path, *faults: Fault, settings: Mapping[str, str] = MappingProxyType({})) -> Judgement:
    """The judgement of one run on a stack of its own."""
    with stack_up(state_dir, settings) as bench:
        _, judgement = bench.judged(question(*faults))
    return judgement


def causes(judgement: Judgement) -> set[str]:
    """What the missing events are called; the ledger itself must be whole."""
    assert (judgement.ledger.lost, judgement.ledger.double_counted, judgement.ledger.residual) == (0, 0, 0)
    assert all(one.explained and one.events > 0 for one in judgement.comparison.attributions)
    return {one.cause for one in judgement.comparison.attributions}


@contextmanager
def unscraped(bench: Bench, *, after_s: float) -> Iterator[None]:
    """Take the worker out of the list of what Prometheus scrapes, a while after it was first scraped."""
    assert isinstance(bench.deployment, ProcessDeployment)
    metrics = bench.parts.metrics(bench.deployment.endpoints)
    assert await_scrape(metrics, after_ns=0, within_s=Patience().first_scrape_s)
    targets = bench.deployment.folder.prometheus / scraping.TARGETS
    timer = threading.Timer(after_s, (targets / "process-worker.json").write_text, ["[]"])
    timer.start()
    try:
        yield
    finally:
        timer.join()
