"""The phases of a trial on a stack that is up: warm up, load, drain, collect."""

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import Final

from lab.analysis.lag import BACKLOG, backlog_of, lag_of
from lab.analysis.objectives import KEEPS_UP
from lab.display.port import Display
from lab.faults.schedule import faults_beside
from lab.load.port import LoadGenerator, LoadOrder, Stall, never
from lab.metrics.port import LedgerSource, MetricSource
from lab.model import (
    NANOS,
    Constant,
    CpuUse,
    DurabilityLook,
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
from lab.trials.durability import durability_watched
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
    """The results of the measured phase; the stalls are those of the lab's own machine."""

    load_run: LoadRun
    faults: tuple[FaultRecord, ...]
    stalls: tuple[Stall, ...]
    durability: tuple[DurabilityLook, ...]
    cpu_uses: tuple[CpuUse, ...]


@dataclass(frozen=True, slots=True)
class Drained:
    """The ledger's view of the run after draining, and when it was read by the lab's clock."""

    view: StoreView
    read_ns: int


def observe(experiment: Experiment, parts: Parts, deployment: Deployment, *, display: Display, run: str) -> Evidence:
    """Carry out the phases on a stack that is up; return the evidence.

    Raises:
        Interrupted: A signal arrived before anything was measured.
    """
    interrupts = parts.interrupts
    with reached(deployment, parts) as stack:
        phases = Phases(experiment, parts, stack, display=display, run=run)
        phases.warm_up()
        interrupts.check()
        measured = phases.measure()
        if interrupts.hurried:
            display.stage("interrupted", "the load has ended, its record is kept; again: no draining")
        interrupts.next_phase()
        drained = phases.drain(measured.load_run)
        return phases.collect(measured, drained)


@contextmanager
def reached(deployment: Deployment, parts: Parts) -> Iterator[Stack]:
    """Yield a deployment with what sends to it and reads from it; close its ledger at the end."""
    endpoints = deployment.endpoints
    with closing(parts.ledger(endpoints)) as ledger:
        yield Stack(deployment, parts.load(endpoints), parts.metrics(endpoints), ledger)


class Phases:
    """Carries out the phases of one trial, one after the other.

    Args:
        experiment: What is requested.
        parts: The parts of the trial.
        stack: The stack, which is up.
        display: Shows the phases.
        run: The run's name; the load is accounted to it.
    """

    def __init__(self, experiment: Experiment, parts: Parts, stack: Stack, *, display: Display, run: str) -> None:
        self._experiment, self._parts, self._stack, self._display, self._run = experiment, parts, stack, display, run

    def warm_up(self) -> None:
        """Send synthetic load for a run of its own, and wait until it is committed and scraped."""
        experiment, patience, summary = self._experiment, self._parts.patience, "no load"
        if experiment.warm_up > 0:
            run = f"{self._run}.warmup"
            order = LoadOrder(
                run, Load(Synthetic(seed=1), Constant(_warm_up_rate(experiment.load))), experiment.warm_up
            )
            self._run_load(order, "warm-up", of_s=experiment.warm_up)
            summary = (
                f"{experiment.warm_up:g} s of synthetic load, backlog {self._drained(run, within_s=patience.drain_s):,}"
            )
        scraped = self._await_scrape(after_ns=self._parts.now_ns(), within_s=patience.first_scrape_s)
        self._display.stage("warm-up", summary if scraped else f"{summary}, no scrape of the worker")

    def measure(self) -> Measured:
        """Send the load, inject the faults, watch the machine."""
        experiment, stack = self._experiment, self._stack
        window_ns = round(experiment.window_s * NANOS)
        order = LoadOrder(self._run, experiment.load, experiment.duration, window_ns=window_ns)
        faults = self._parts.faults(
            stack.deployment, lambda: _in_flight(stack.ledger), pause=self._parts.interrupts.let_pass
        )
        with (
            durability_watched(stack.ledger, now_ns=self._parts.now_ns) as looks,
            self._parts.pauses() as stalls,
            self._parts.cpu_users() as cpu_uses,
            faults_beside(faults, experiment.faults) as injected,
        ):
            load_run = self._run_load(order, "measuring", of_s=experiment.duration)
        return Measured(load_run, tuple(injected), tuple(stalls), tuple(looks), tuple(cpu_uses))

    def drain(self, load_run: LoadRun) -> Drained:
        """Wait until every accepted event is committed and the last commit is scraped; return the ledger's view.

        Where the trial asks whether the workers keep up, and they do not, the wait is short: the answer is known.
        """
        started_s, patience = self._parts.clock(), self._parts.patience
        behind = self._fell_behind(load_run)
        self._drained(self._run, within_s=patience.behind_s if behind else patience.drain_s)
        view, read_ns = self._stack.ledger.view(self._run, audit=True), self._parts.now_ns()
        waited_s = self._parts.clock() - started_s
        scraped = self._await_scrape(after_ns=view.last_commit_ns, within_s=patience.scrape_s)
        scrape = "last scrape taken" if scraped else "no scrape after the last commit"
        pace = "the workers did not keep up, " if behind else ""
        self._display.stage("draining", f"{pace}backlog {view.balance.backlog:,} after {waited_s:.1f} s, {scrape}")
        return Drained(view, read_ns)

    def collect(self, measured: Measured, drained: Drained) -> Evidence:
        """Collect the evidence from the ledger, the metrics and the deployment."""
        stack, load_run, view = self._stack, measured.load_run, drained.view
        window = Window(load_run.window.start_ns, max(load_run.window.end_ns, view.last_commit_ns))
        deployment = stack.deployment
        return Evidence(
            load_run=load_run,
            store=view,
            totals=tuple(stack.ledger.totals(self._run)),
            windows=tuple(stack.ledger.windows(self._run)),
            series=self._series(Window(window.start_ns - BEFORE_NS, self._parts.now_ns())),
            statuses=tuple(deployment.statuses()),
            store_facts=deployment.store,
            deaths=tuple(death for death in deployment.deaths() if death.at_ns >= window.start_ns),
            faults=measured.faults,
            spans=tuple(self._parts.spans(deployment.span_files(), window)),
            pauses_s=tuple((stall.end_s, stall.length_s) for stall in measured.stalls),
            clocks=tuple(deployment.clocks()),
            cpu_uses=measured.cpu_uses,
            durability=measured.durability,
            read_ns=drained.read_ns,
        )

    def _run_load(self, order: LoadOrder, stage: str, *, of_s: float) -> LoadRun:
        return self._stack.load.run(
            order,
            lambda progress: self._display.progress(stage, progress, of_s=of_s),
            on_file=lambda description: self._display.stage("reading", description),
            hurried=self._is_hurried,
        )

    def _series(self, window: Window) -> tuple[Series, ...]:
        metrics = self._stack.metrics
        return tuple(series for name in self._parts.system.series for series in metrics.raw(name, window))

    def _fell_behind(self, load_run: LoadRun) -> bool:
        """Return whether the trial asks if the workers keep up, and the looks at the backlog say that they do not."""
        bounds = [objective for objective in self._experiment.objectives if objective.kind == KEEPS_UP]
        if not bounds:
            return False
        lag = lag_of(load_run.samples, backlog_of(self._stack.metrics.raw(BACKLOG, load_run.window)))
        return lag is not None and not all(lag.keeps_up(objective.threshold / 100) for objective in bounds)

    def _drained(self, run: str, *, within_s: float) -> int:
        """Wait until the backlog of a run is 0; return the backlog that is left at the end of the time."""
        ledger, every_s = self._stack.ledger, self._parts.patience.poll_every_s
        is_drained = await_condition(
            lambda: ledger.view(run).balance.backlog == 0, seconds=within_s, every_s=every_s, hurried=self._is_hurried
        )
        return 0 if is_drained else ledger.view(run).balance.backlog

    def _await_scrape(self, *, after_ns: int, within_s: float) -> bool:
        return await_scrape(
            self._stack.metrics,
            self._parts.system.commit_job,
            after_ns=after_ns,
            within_s=within_s,
            every_s=self._parts.patience.poll_every_s,
            hurried=self._is_hurried,
        )

    def _is_hurried(self) -> bool:
        """Return whether a signal asked for the end of the phase that is under way."""
        return self._parts.interrupts.hurried


def await_scrape(
    metrics: MetricSource,
    job: str,
    *,
    after_ns: int,
    within_s: float,
    every_s: float = 0.1,
    hurried: Callable[[], bool] = never,
) -> bool:
    """Wait until a job was scraped later than *after_ns*; return False when that does not happen in time."""
    return await_condition(
        lambda: metrics.last_scrape_ns(job) > after_ns, seconds=within_s, every_s=every_s, hurried=hurried
    )


def _in_flight(ledger: LedgerSource) -> int:
    """Return the events accepted and not committed; 0 where the answer is too old to tell."""
    view = ledger.view("")
    return view.balance.backlog if view.staleness_ms <= FRESH_MS else 0


def _warm_up_rate(load: Load) -> float:
    """Return the rate of a constant load, at most what warming up needs; a fixed rate for any other load."""
    return min(load.shape.rate, FASTEST_WARM_UP) if isinstance(load.shape, Constant) else WARM_UP_RATE
