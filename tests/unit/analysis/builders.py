"""Small trials in which nothing is wrong; each test changes what it is about."""

from dataclasses import replace

import numpy as np
from numpy.typing import ArrayLike

from lab.analysis.agreement import COUNTER
from lab.model import (
    NANOS,
    OUTCOMES,
    Account,
    Aggregate,
    Balance,
    Constant,
    Evidence,
    Experiment,
    Load,
    LoadRun,
    Objective,
    Refusal,
    Samples,
    Series,
    StoreFacts,
    StoreView,
    Synthetic,
    Window,
)
from lab.systems.services import WORKER_JOB

START_S = 1_800_000_000
START_NS = START_S * NANOS
WORKER = "worker-1"


def samples(
    latency_ms: ArrayLike, *, per_second: float = 100.0, delay_ms: float = 0.0, events: int = 1, outcome: ArrayLike = 1
) -> Samples:
    """Return batches at an even pace with these latencies from the intended time."""
    latency = np.asarray(latency_ms, np.float64)
    intended = np.round(np.arange(len(latency)) * NANOS / per_second).astype(np.int64)
    return Samples(
        started_ns=START_NS,
        intended_ns=intended,
        sent_ns=intended + round(delay_ms * 1e6),
        completed_ns=intended + np.round(latency * 1e6).astype(np.int64),
        events=np.full(len(latency), events, np.int64),
        outcome=np.broadcast_to(np.asarray(outcome, np.int8), latency.shape).copy(),
        blocked_ns=np.zeros(len(latency), np.int64),
        starved_ns=np.zeros(len(latency), np.int64),
    )


def total(source: str, kind: str, count: int, sum_micro: int | None = None, *, window: int = 0) -> Aggregate:
    """Return an aggregate whose values are 1 unless a sum is given."""
    micro = count * 1_000_000 if sum_micro is None else sum_micro
    return Aggregate(source, kind, count, micro, 1.0, 1.0, START_NS + window * NANOS)


def series(name: str, labels: dict[str, str], points: list[tuple[float, float]]) -> Series:
    """Return a series; times are seconds after the start of the window."""
    array = np.array(points, np.float64).reshape(-1, 2)
    return Series(name, labels, START_S + array[:, 0], array[:, 1])


def counter(points: list[tuple[float, float]], *, instance: str = WORKER) -> Series:
    """Return `worker_events_processed_total` of one process."""
    return series(COUNTER, {"job": WORKER_JOB, "instance": instance}, points)


def up(seconds: list[float], *, job: str = WORKER_JOB, failed: tuple[float, ...] = ()) -> Series:
    """Return `up` of one target."""
    return series("up", {"job": job, "instance": "127.0.0.1:1"}, [(at, float(at not in failed)) for at in seconds])


def load_run(measured: Samples, producer_ledger: tuple[Aggregate, ...] | None = None) -> LoadRun:
    """Return the report of a generator that sent every batch."""
    acknowledged, refused, unknown = (
        int(measured.events[measured.outcome == OUTCOMES.index(outcome)].sum())
        for outcome in ("acknowledged", "refused", "unknown")
    )
    intended = int(measured.events.sum())
    return LoadRun(
        account=Account(intended, intended, acknowledged, unknown, refused, attempts=len(measured)),
        window=Window(START_NS, START_NS + int(measured.completed_ns.max(initial=0))),
        samples=measured,
        producer_ledger=(total("pi", "temp", acknowledged),) if producer_ledger is None else producer_ledger,
        producer_ledger_unknown=(total("pi", "temp", unknown),) if unknown else (),
        refusals=(Refusal("BACKLOG_FULL", refused, "the backlog is full"),) if refused else (),
    )


def store(counted: int, *, last_commit_s: float = 20.1, instances: dict[str, int] | None = None) -> StoreView:
    """Return a drained store whose only worker counted everything."""
    return StoreView(
        balance=Balance(accepted=counted, counted=counted),
        known=True,
        instances={WORKER: counted} if instances is None else instances,
        last_commit_ns=round((START_S + last_commit_s) * NANOS),
        audited_backlog=0,
        epoch="e",
        version=1,
        staleness_ms=0,
        durability="durable",
    )


def experiment(*objectives: Objective) -> Experiment:
    """Return an experiment with these objectives."""
    return Experiment("test", Load(Synthetic(), Constant(100)), objectives)


def evidence(measured: Samples | None = None) -> Evidence:
    """Return twenty good seconds at a hundred batches a second."""
    measured = samples(np.full(2_000, 3.0)) if measured is None else measured
    report = load_run(measured)
    counted = report.account.acknowledged
    seconds = [float(second) + 0.4 for second in range(-3, 23)]
    return Evidence(
        load_run=report,
        store=store(counted),
        totals=tuple(replace(aggregate, window_start_ns=0) for aggregate in report.producer_ledger),
        windows=(),
        series=(
            counter(
                [(at, min(max(at, 0) * 100, counted)) for at in seconds[:-2]] + [(at, counted) for at in seconds[-2:]]
            ),
            up(seconds),
        ),
        statuses=(),
        store_facts=StoreFacts("valkey", "9.1", "durable"),
    )
