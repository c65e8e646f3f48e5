"""The use case: deploy, warm up, load, settle, collect, judge, record; knows ports only."""

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NamedTuple, Protocol

from lab.analysis.judge import judge
from lab.errors import LabError
from lab.faults.port import FaultInjector
from lab.faults.schedule import faults_beside
from lab.load.port import LoadGenerator, LoadOrder, Progress
from lab.metrics.port import LedgerSource, MetricSource
from lab.model import (
    NANOS,
    Constant,
    Endpoints,
    Evidence,
    Experiment,
    FaultRecord,
    Load,
    LoadRun,
    Series,
    StoreView,
    Synthetic,
    Trial,
    Window,
)
from lab.targets.port import Deployment, StackRequest, Target
from services.contracts import signals

WARM_UP_RATE: Final = 500.0
FRESH_MS: Final = 200
"""An answer older than this was given while the store was away."""
WORKER_JOB: Final = "lab/process-worker"
SERIES: Final = (
    "up",
    signals.WORKER_EVENTS_PROCESSED.prometheus_name,
    signals.INGEST_EVENTS_ACCEPTED.prometheus_name,
    signals.SIMULATOR_EVENTS_SENT.prometheus_name,
    signals.QUERY_REQUESTS.prometheus_name,
    signals.STREAM_BACKLOG.prometheus_name,
    signals.PROCESS_CPU_TIME.prometheus_name,
    signals.PROCESS_MEMORY_USAGE.prometheus_name,
)


class Recorder(Protocol):
    """Keeps the record of one trial, true at every moment."""

    @property
    def run_id(self) -> str:
        """The run's name."""

    @property
    def folder(self) -> Path:
        """Where it is kept."""

    def stage(self, stage: str, message: str, seconds: float | None = None) -> None:
        """A step is done, or what it is doing now."""

    def progress(self, stage: str, progress: Progress, *, of_s: float) -> None:
        """How far a load is."""

    def keep_logs(self, logs: Mapping[str, Path]) -> None:
        """Copy the logs of a stack; program → file."""

    def succeeded(self, trial: Trial, *, interrupted: bool) -> Trial:
        """The trial is judged: write everything down; the trial with its folder."""


@dataclass(frozen=True, slots=True)
class Patience:
    """How long an experiment waits for what should come, in seconds."""

    drain_s: float = 60.0
    """For the backlog after a load: several idle times of a worker that has died."""
    scrape_s: float = 5.0
    """For a scrape; they come every second."""
    first_scrape_s: float = 15.0
    """For the first one: Prometheus looks for new targets every five seconds."""
    look_every_s: float = 0.1
    """Between two looks."""


@dataclass(frozen=True, slots=True)
class Parts:
    """What an experiment is made with; wiring chooses them.

    Attributes:
        target: Where the services run.
        load: A generator for a stack.
        metrics: Metrics of a stack.
        ledger: The account of a stack.
        faults: What breaks a stack; it is given a way to ask how many events are in flight.
        pauses: Watches the machine's own stalls for as long as its context lasts.
        environment: What this machine and this revision are.
        spans: Reads the spans of a stack that fall into a window.
        patience: How long it waits.
    """

    target: Target
    load: Callable[[Endpoints], LoadGenerator]
    metrics: Callable[[Endpoints], MetricSource]
    ledger: Callable[[Endpoints], LedgerSource]
    faults: Callable[[Deployment, Callable[[], int]], FaultInjector]
    pauses: Callable[[], AbstractContextManager[list[tuple[float, float]]]]
    environment: Callable[[Deployment], dict[str, object]]
    spans: Callable[[Sequence[Path], Window], Sequence[dict[str, object]]]
    patience: Patience = Patience()


class Asked(NamedTuple):
    """What a notebook was given by name, and what it would have taken otherwise."""

    parameters: Mapping[str, object]
    defaults: Mapping[str, object]


NOBODY: Final = Asked({}, {})
"""For an experiment that no notebook asks for."""


@dataclass(frozen=True, slots=True)
class Stack:
    """A deployment and the ways to look at it."""

    deployment: Deployment
    load: LoadGenerator
    metrics: MetricSource
    ledger: LedgerSource
    patience: Patience


@dataclass(frozen=True, slots=True)
class Measured:
    """What the measured part left behind."""

    load_run: LoadRun
    faults: tuple[FaultRecord, ...]
    pauses: tuple[tuple[float, float], ...]


def run_experiment(experiment: Experiment, parts: Parts, recorder: Recorder, *, asked: Asked = NOBODY) -> Trial:
    """Carry out one experiment and keep its record; raises LabError where it cannot be carried out."""
    started_ns = time.time_ns()
    request = StackRequest(
        settings=experiment.settings, keep_logs=recorder.keep_logs, architecture=experiment.architecture
    )
    with parts.target.deployed(request, recorder.stage) as deployment:
        environment = parts.environment(deployment)
        evidence = observe(experiment, parts, deployment, recorder)
    validity, verdict, ledger, comparison = judge(experiment, evidence)
    trial = Trial(
        run_id=recorder.run_id,
        experiment=experiment,
        started_ns=started_ns,
        ended_ns=time.time_ns(),
        evidence=evidence,
        validity=validity,
        verdict=verdict,
        ledger=ledger,
        comparison=comparison,
        environment=environment,
        parameters=asked.parameters,
        defaults=asked.defaults,
    )
    return recorder.succeeded(trial, interrupted=evidence.load_run.stopped)


def observe(experiment: Experiment, parts: Parts, deployment: Deployment, recorder: Recorder) -> Evidence:
    """Warm up, load, settle, collect, on a stack that is up."""
    stack = _look_at(deployment, parts)
    warm_up(experiment, stack, recorder)
    measured = measure(experiment, stack, parts, recorder)
    view = drain(stack, recorder, run=recorder.run_id)
    return collect(stack, parts, measured, view, run=recorder.run_id)


def _look_at(deployment: Deployment, parts: Parts) -> Stack:
    endpoints = deployment.endpoints
    return Stack(deployment, parts.load(endpoints), parts.metrics(endpoints), parts.ledger(endpoints), parts.patience)


def warm_up(experiment: Experiment, stack: Stack, recorder: Recorder) -> None:
    """Synthetic load accounted to a run of its own, until its backlog is gone and a scrape has seen it."""
    done = "no load"
    if experiment.warm_up > 0:
        run = f"{recorder.run_id}.warmup"
        load = Load(Synthetic(seed=1), Constant(_warm_up_rate(experiment.load)))
        order = LoadOrder(run, load, experiment.warm_up)
        stack.load.run(order, lambda seen: recorder.progress("warm-up", seen, of_s=experiment.warm_up))
        done = f"{experiment.warm_up:g} s of synthetic load, backlog {_drain(stack, run):,}"
    scraped = _scraped(stack, after_ns=time.time_ns(), within_s=stack.patience.first_scrape_s)
    recorder.stage("warm-up", done if scraped else f"{done}, no scrape of the worker")


def measure(experiment: Experiment, stack: Stack, parts: Parts, recorder: Recorder) -> Measured:
    """Play the load, break what is to be broken, watch the machine."""
    order = LoadOrder(
        recorder.run_id, experiment.load, experiment.duration, window_ns=round(experiment.window_s * NANOS)
    )
    faults = parts.faults(stack.deployment, lambda: _in_flight(stack.ledger))
    with parts.pauses() as pauses, faults_beside(faults, experiment.faults) as done:
        load_run = stack.load.run(order, lambda seen: recorder.progress("measuring", seen, of_s=experiment.duration))
    return Measured(load_run, tuple(done), tuple(pauses))


def _in_flight(ledger: LedgerSource) -> int:
    """Events accepted and not settled; 0 where the answer is too old to say."""
    view = ledger.view("")
    return view.balance.backlog if view.staleness_ms <= FRESH_MS else 0


def drain(stack: Stack, recorder: Recorder, *, run: str) -> StoreView:
    """Wait until everything accepted is counted and a scrape has seen the last commit; the account then."""
    started = time.monotonic()
    _drain(stack, run)
    view = stack.ledger.view(run, audit=True)
    waited = time.monotonic() - started
    scraped = _scraped(stack, after_ns=view.last_commit_ns, within_s=stack.patience.scrape_s)
    said = "last scrape taken" if scraped else "no scrape after the last commit"
    recorder.stage("settling", f"backlog {view.balance.backlog:,} after {waited:.1f} s, {said}")
    return view


def _drain(stack: Stack, run: str) -> int:
    """Wait until nothing of a run waits to be counted; how many events still do when patience is at its end."""
    drain_s, every_s = stack.patience.drain_s, stack.patience.look_every_s
    drained = _await(lambda: stack.ledger.view(run).balance.backlog == 0, seconds=drain_s, every_s=every_s)
    return 0 if drained else stack.ledger.view(run).balance.backlog


def _scraped(stack: Stack, *, after_ns: int, within_s: float) -> bool:
    return await_scrape(stack.metrics, after_ns=after_ns, within_s=within_s, every_s=stack.patience.look_every_s)


def await_scrape(metrics: MetricSource, *, after_ns: int, within_s: float, every_s: float = 0.1) -> bool:
    """Wait until the worker was scraped later than *after_ns*; False when that does not happen in time."""
    return _await(lambda: metrics.last_scrape_ns(WORKER_JOB) > after_ns, seconds=within_s, every_s=every_s)


def collect(stack: Stack, parts: Parts, measured: Measured, view: StoreView, *, run: str) -> Evidence:
    """Everything that was observed, fetched from where it is."""
    window = Window(measured.load_run.window.start_ns, max(measured.load_run.window.end_ns, view.last_commit_ns))
    # Two scrapes on both sides: the last sample before the window is what counters are compared with.
    around = Window(window.start_ns - 3 * NANOS, time.time_ns())
    return Evidence(
        load_run=measured.load_run,
        store=view,
        totals=tuple(stack.ledger.totals(run)),
        windows=tuple(stack.ledger.windows(run)),
        series=_series(stack.metrics, around),
        statuses=tuple(stack.deployment.statuses()),
        store_facts=stack.deployment.store,
        deaths=tuple(death for death in stack.deployment.deaths() if death.at_ns >= window.start_ns),
        faults=measured.faults,
        spans=tuple(parts.spans(stack.deployment.span_files(), window)),
        pauses_s=measured.pauses,
        clocks=tuple(stack.deployment.clocks()),
    )


def _series(metrics: MetricSource, around: Window) -> tuple[Series, ...]:
    return tuple(series for name in SERIES for series in metrics.raw(name, around))


def _warm_up_rate(load: Load) -> float:
    """The load's own rate where it has a constant one, within what warming needs."""
    return min(load.shape.rate, 2_000.0) if isinstance(load.shape, Constant) else WARM_UP_RATE


def _await(condition: Callable[[], bool], *, seconds: float, every_s: float) -> bool:
    """Whether *condition* came true in time; a stack that does not answer just now is asked again."""
    end, pause = time.monotonic() + seconds, threading.Event()
    while True:
        try:
            if condition():
                return True
        except LabError:
            if time.monotonic() >= end:
                raise
        if time.monotonic() >= end:
            return False
        pause.wait(every_s)
