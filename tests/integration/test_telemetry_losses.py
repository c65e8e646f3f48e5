"""Three planted losses of telemetry are each attributed to their cause."""

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
from lab.systems.services import WORKER_JOB
from lab.targets.processes.deployment import ProcessDeployment
from lab.trials.patience import Patience
from lab.trials.phases import await_scrape
from tests.integration.trials import Bench, stack_up

DURATION_S: Final = 6.0
PLANTED_AT_S: Final = 3.0
UNSCRAPED_S: Final = 14.0
"""Prometheus reads a changed list of targets every five seconds; three more seconds make a gap."""
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


@pytest.mark.in_turn(2)
def test_nothing_is_missing_in_a_quiet_run(tmp_path: Path) -> None:
    """Without a fault, Prometheus has counted every event that the ledger has."""
    judgement = judged(tmp_path)
    assert judgement.comparison.difference == 0
    assert judgement.comparison.prometheus_counted == judgement.ledger.counted == judgement.ledger.accepted > 0


@pytest.mark.in_turn(2)
def test_a_process_killed_before_its_scrape(tmp_path: Path) -> None:
    """The events that a worker counted since its last scrape are missing."""
    judgement = judged(tmp_path, kill("process-worker", at_s=PLANTED_AT_S))
    assert causes(judgement) == {KILLED}


@pytest.mark.in_turn(2)
def test_scraping_that_stopped(tmp_path: Path) -> None:
    """The worker goes on counting while Prometheus does not scrape it."""
    with stack_up(tmp_path, {}) as bench, unscraped(bench, after_s=PLANTED_AT_S):
        _, judgement = bench.judged(question(duration=UNSCRAPED_S))
    assert causes(judgement) == {STOPPED}
    assert judgement.validity.status == "INVALID"


@pytest.mark.in_turn(2)
def test_a_counter_that_is_not_incremented(tmp_path: Path) -> None:
    """The worker is scraped without a gap, but does not count every commit."""
    planted = tmp_path / "planted"
    planted.mkdir()
    (planted / "sitecustomize.py").write_text(FORGETFUL)
    judgement = judged(tmp_path, settings={"PYTHONPATH": str(planted)})
    assert causes(judgement) == {NOT_INCREMENTED}


def question(*faults: Fault, duration: float = DURATION_S) -> Experiment:
    """Return an experiment of a few thousand events."""
    return Experiment(
        "planted",
        load=load("synthetic", rate=1_000),
        objectives=[nothing_lost(), nothing_counted_twice()],
        duration=duration,
        warm_up=1.0,
        faults=faults,
    )


def judged(state_dir: Path, *faults: Fault, settings: Mapping[str, str] = MappingProxyType({})) -> Judgement:
    """Return the judgement of a trial on a new stack."""
    with stack_up(state_dir, settings) as bench:
        _, judgement = bench.judged(question(*faults))
    return judgement


def causes(judgement: Judgement) -> set[str]:
    """Return the causes of the missing events; the ledger must balance."""
    assert (judgement.ledger.lost, judgement.ledger.double_counted, judgement.ledger.residual) == (0, 0, 0)
    assert all(attribution.explained and attribution.events > 0 for attribution in judgement.comparison.attributions)
    return {attribution.cause for attribution in judgement.comparison.attributions}


@contextmanager
def unscraped(bench: Bench, *, after_s: float) -> Iterator[None]:
    """Remove the worker from Prometheus' targets, *after_s* seconds after its first scrape."""
    assert isinstance(bench.deployment, ProcessDeployment)
    metrics = bench.parts.metrics(bench.deployment.endpoints)
    assert await_scrape(metrics, WORKER_JOB, after_ns=0, within_s=Patience().first_scrape_s)
    targets = bench.deployment.stack_folder.scrape_targets
    timer = threading.Timer(after_s, (targets / "process-worker.json").write_text, ["[]"])
    timer.start()
    try:
        yield
    finally:
        timer.join()
