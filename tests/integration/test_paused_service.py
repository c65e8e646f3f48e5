"""A stall of a service shows in the reported latency in full: no coordinated omission."""

from collections.abc import Iterator
from typing import Final

import numpy as np
import pytest
from numpy.typing import NDArray

from lab.analysis.latency import exact_quantile, latency_ms
from lab.load.profiles import load
from lab.model import Evidence, Experiment
from lab.questions import latency, pause
from tests.integration.trials import Bench, stack_up

PAUSE_S: Final = 0.2
DURATION_S: Final = 10.0
BATCHES_PER_S: Final = 200
TOLERANCE: Final = 0.1
TRIES: Final = 3
"""A stall of the machine itself can spoil a try. A wrong measurement is wrong three times."""


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    """A stack of this module's own."""
    with stack_up(tmp_path_factory.mktemp("state"), {}) as bench:
        yield bench


@pytest.mark.in_turn(2, family="alone")
@pytest.mark.alone
@pytest.mark.timeout(180)
def test_the_p99_of_a_paused_service_is_the_analytic_one(bench: Bench) -> None:
    """A SIGSTOP of 200 ms hits 2 % of 2,000 batches. They wait 0 to 200 ms, so that 1 % waits 100 ms or more."""
    pairs = []
    for _ in range(TRIES):
        evidence = bench.observe(paused_ingest())
        reported = exact_quantile(latency_ms(evidence.load_run.samples), 0.99)
        analytic = analytic_p99_ms(evidence)
        if reported == pytest.approx(analytic, rel=TOLERANCE):
            return
        pairs.append((reported, analytic))
    pytest.fail(f"reported and analytic p99 in ms, {TRIES} times: {pairs}")


def paused_ingest() -> Experiment:
    """Return an experiment of 200 batches a second for ten seconds, with ingest-api stopped for 200 ms."""
    return Experiment(
        "paused",
        load=load("synthetic", rate=10.0 * BATCHES_PER_S, batch_events=10),
        objectives=[latency(below_ms=500)],
        duration=DURATION_S,
        faults=[pause("ingest-api", at_s=5.0, seconds=PAUSE_S)],
    )


def analytic_p99_ms(evidence: Evidence) -> float:
    """Return the 20th longest of 2,000 latencies, computed from the length of the pause.

    Batches are due every T during a pause of length P. The first waits P + b, the next P + b - (T - s), then
    P + b - 2 (T - s) and so on: for the rest of the pause, for the batches before it, and for its own answer. s is the
    time the service takes per piled-up batch, measured from the answers to these; b is the usual latency, measured from
    all other batches. With s far below T and b far below P, half of the 2 % waits at least P / 2 = 100 ms.
    """
    [fault] = evidence.faults
    length_ms = (fault.ended_ns - fault.started_ns) / 1e6
    rank = round(0.01 * len(evidence.load_run.samples))
    usual_ms = float(np.median(latency_ms(evidence.load_run.samples)[_outside(evidence)]))
    return length_ms + usual_ms - rank * (1e3 / BATCHES_PER_S - service_ms(evidence, rank))


def service_ms(evidence: Evidence, answers: int) -> float:
    """Return the time between the first answers to batches that were due during the pause."""
    [fault] = evidence.faults
    samples = evidence.load_run.samples
    intended = samples.started_ns + samples.intended_ns
    piled_up = (intended > fault.started_ns) & (intended < fault.ended_ns)
    assert piled_up.sum() == pytest.approx(PAUSE_S * BATCHES_PER_S, abs=2), "the load went on during the pause"
    answered = np.sort(samples.completed_ns[piled_up])
    return float(answered[answers] - answered[0]) / 1e6 / answers


def _outside(evidence: Evidence) -> NDArray[np.bool_]:
    """Return which batches were due well before the pause, or well after it."""
    [fault] = evidence.faults
    intended = evidence.load_run.samples.started_ns + evidence.load_run.samples.intended_ns
    outside: NDArray[np.bool_] = (intended < fault.started_ns - 5e7) | (intended > fault.ended_ns + 3e8)
    return outside
