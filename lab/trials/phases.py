"""The phases of a trial on a stack that is up: warm up, load, drain, collect."""

import time
from dataclasses import dataclass
from typing import Final

from lab.display.port import Display
from lab.faults.schedule import faults_beside
from lab.load.port import LoadGenerator, LoadOrder
from lab.metrics.port import LedgerSource, MetricSource
from lab.model import (
    NANOS,
    Constant,
    Evidence,
    Experiment,
    FaultRecord,
    Load,
    LoadRun,
    Series,
    StoreView,
    Synthetic,
    Window,
)
from lab.targets.port import Deployment
from lab.trials.ports import Parts
from lab.trials.waiting import await_condition

WARM_UP_RATE: Final = 500.0
"""Events per second of a warm-up before a load whose rate changes: every code path runs, no backlog remains."""
FASTEST_WARM_UP: Final = 2_000.0
"""Highest rate of a warm-up, events per second."""
FRESH_MS: Final = 200
"""An answer of query-api that is older than this was given while the store was away."""
BEFORE_NS: Final = 3 * NANOS
"""Series start two scrapes before the window: counters are compared with their last sample before it."""


@dataclass(frozen=True, slots=True)
class Stack:
    """A deployment with its load generator, its metrics and its ledger."""

    deployment: Deployment
    load: LoadGenerator
    metrics: MetricSource
    ledger: LedgerSource


@dataclass(frozen=True, slots=True)
class Measured:
    """The results of the measured phase; pauses are (end in seconds since the epoch, length in seconds)."""

    load_run: LoadRun
    faults: tuple[FaultRecord, ...]
    pauses: tuple[tuple[float, float], ...]


def observe(experiment: Experiment, parts: Parts, deployment: Deployment, *, display: Display, run: str) -> Evidence:
    """Carry out the phases on a stack that is up; return the evidence."""
    phases = Phases(experiment, parts, deployment, display=display, run=run)
    phases.warm_up()
    measured = phases.measure()
    view = phases.drain()
    return phases.collect(measured, view)


class Phases:
    """Carries out the phases of one trial, one after the other.

    Args:
        experiment: What is requested.
        parts: The parts of the trial.
        deployment: The stack, which is up.
        display: Shows the phases.
        run: The run's name; the load is accounted to it.
    """

    def __init__(
        self, experiment: Experiment, parts: Parts, deployment: Deployment, *, display: Display, run: str
    ) -> None:
        endpoints = deployment.endpoints
        self._experiment, self._parts, self._display, self._run = experiment, parts, display, run
        self._stack = Stack(deployment, parts.load(endpoints), parts.metrics(endpoints), parts.ledger(endpoints))

    def warm_up(self) -> None:
        """Send synthetic load for a run of its own, and wait until it is committed and scraped."""
        experiment, patience, summary = self._experiment, self._parts.patience, "no load"
        if experiment.warm_up > 0:
            run = f"{self._run}.warmup"
            order = LoadOrder(
                run, Load(Synthetic(seed=1), Constant(_warm_up_rate(experiment.load))), experiment.warm_up
            )
            self._run_load(order, "warm-up", of_s=experiment.warm_up)
            summary = f"{experiment.warm_up:g} s of synthetic load, backlog {self._drained(run):,}"
        scraped = self._await_scrape(after_ns=time.time_ns(), within_s=patience.first_scrape_s)
        self._display.stage("warm-up", summary if scraped else f"{summary}, no scrape of the worker")

    def measure(self) -> Measured:
        """Send the load, inject the faults, watch the machine."""
        experiment, stack = self._experiment, self._stack
        window_ns = round(experiment.window_s * NANOS)
        order = LoadOrder(self._run, experiment.load, experiment.duration, window_ns=window_ns)
        faults = self._parts.faults(stack.deployment, lambda: _in_flight(stack.ledger))
        with self._parts.pauses() as pauses, faults_beside(faults, experiment.faults) as injected:
            load_run = self._run_load(order, "measuring", of_s=experiment.duration)
        return Measured(load_run, tuple(injected), tuple(pauses))

    def drain(self) -> StoreView:
        """Wait until every accepted event is committed and the last commit is scraped; return the ledger's view."""
        started = time.monotonic()
        self._drained(self._run)
        view = self._stack.ledger.view(self._run, audit=True)
        waited_s = time.monotonic() - started
        scraped = self._await_scrape(after_ns=view.last_commit_ns, within_s=self._parts.patience.scrape_s)
        scrape = "last scrape taken" if scraped else "no scrape after the last commit"
        self._display.stage("draining", f"backlog {view.balance.backlog:,} after {waited_s:.1f} s, {scrape}")
        return view

    def collect(self, measured: Measured, view: StoreView) -> Evidence:
        """Collect the evidence from the ledger, the metrics and the deployment."""
        stack, load_run = self._stack, measured.load_run
        window = Window(load_run.window.start_ns, max(load_run.window.end_ns, view.last_commit_ns))
        deployment = stack.deployment
        return Evidence(
            load_run=load_run,
            store=view,
            totals=tuple(stack.ledger.totals(self._run)),
            windows=tuple(stack.ledger.windows(self._run)),
            series=self._series(Window(window.start_ns - BEFORE_NS, time.time_ns())),
            statuses=tuple(deployment.statuses()),
            store_facts=deployment.store,
            deaths=tuple(death for death in deployment.deaths() if death.at_ns >= window.start_ns),
            faults=measured.faults,
            spans=tuple(self._parts.spans(deployment.span_files(), window)),
            pauses_s=measured.pauses,
            clocks=tuple(deployment.clocks()),
        )

    def _run_load(self, order: LoadOrder, stage: str, *, of_s: float) -> LoadRun:
        return self._stack.load.run(order, lambda progress: self._display.progress(stage, progress, of_s=of_s))

    def _series(self, window: Window) -> tuple[Series, ...]:
        metrics = self._stack.metrics
        return tuple(series for name in self._parts.system.series for series in metrics.raw(name, window))

    def _drained(self, run: str) -> int:
        """Wait until the backlog of a run is 0; return the backlog that is left when patience ends."""
        ledger, patience = self._stack.ledger, self._parts.patience
        is_drained = await_condition(
            lambda: ledger.view(run).balance.backlog == 0, seconds=patience.drain_s, every_s=patience.poll_every_s
        )
        return 0 if is_drained else ledger.view(run).balance.backlog

    def _await_scrape(self, *, after_ns: int, within_s: float) -> bool:
        return await_scrape(
            self._stack.metrics,
            self._parts.system.commit_job,
            after_ns=after_ns,
            within_s=within_s,
            every_s=self._parts.patience.poll_every_s,
        )


def await_scrape(metrics: MetricSource, job: str, *, after_ns: int, within_s: float, every_s: float = 0.1) -> bool:
    """Wait until a job was scraped later than *after_ns*; return False when that does not happen in time."""
    return await_condition(lambda: metrics.last_scrape_ns(job) > after_ns, seconds=within_s, every_s=every_s)


def _in_flight(ledger: LedgerSource) -> int:
    """Return the events accepted and not committed; 0 where the answer is too old to tell."""
    view = ledger.view("")
    return view.balance.backlog if view.staleness_ms <= FRESH_MS else 0


def _warm_up_rate(load: Load) -> float:
    """Return the rate of a constant load, at most what warming up needs; a fixed rate for any other load."""
    return min(load.shape.rate, FASTEST_WARM_UP) if isinstance(load.shape, Constant) else WARM_UP_RATE
