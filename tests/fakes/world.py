"""A whole lab of fakes around one ledger."""

import time
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

from lab.errors import UsageFault
from lab.faults.kinds import Lasting, kind_of
from lab.faults.port import FaultInjector
from lab.interrupts import Interrupts
from lab.load.port import Stall
from lab.model import Constant, CpuUse, Evidence, Experiment, Fault, FaultRecord, Host, Load, Trial, Window
from lab.systems.services import SYSTEM
from lab.targets.port import Deployment
from lab.trials.patience import Patience
from lab.trials.phases import observe
from lab.trials.ports import NO_NOTEBOOK, NotebookParameters, Parts
from lab.trials.trial import run_trial
from lab.waiting import let_pass
from tests.fakes.ledger import FakeLedger
from tests.fakes.load import FakeLoad
from tests.fakes.metrics import FakeMetrics
from tests.fakes.recorder import FakeRecorder, RecordingDisplay
from tests.fakes.target import PROGRAMS, FakeDeployment, FakeTarget

EXPERIMENT: Final = Experiment("a", Load(Host(), Constant(10_000)), (), duration=0.02, warm_up=0.01)
"""Two hundred events after a hundred to warm up."""
HASTY: Final = Patience(drain_s=0.03, scrape_s=0.03, first_scrape_s=0.03, poll_every_s=0.001)
"""For what never comes."""
PATIENT: Final = replace(HASTY, drain_s=20, scrape_s=20, first_scrape_s=20)
"""For what comes at once, on a machine that may be busy."""


@dataclass(frozen=True, slots=True)
class FakeInjector:
    """Breaks nothing, takes as long as the fault, and records the events in flight; satisfies `FaultInjector`."""

    in_flight: Callable[[], int]
    pause: Callable[[float], object] = let_pass

    def inject(self, fault: Fault) -> FaultRecord:
        """See `FaultInjector.inject`."""
        kind, events = kind_of(fault), self.in_flight()
        _refuse_impossible(fault)
        started_ns = time.time_ns()
        if not isinstance(kind, Lasting):
            return FaultRecord(fault.kind, fault.service, started_ns, started_ns, events)
        self.pause(fault.seconds)
        return FaultRecord(fault.kind, fault.service, started_ns, time.time_ns(), events)


def _refuse_impossible(fault: Fault) -> None:
    if fault.service not in PROGRAMS:
        raise UsageFault(f'no program "{fault.service}" in this stack')
    if fault.architecture or fault.kind not in {"kill", "pause"}:
        raise UsageFault(f"cannot {fault.kind} {fault.service}", found="this stack has no pods")


@dataclass
class World:
    """Everything an experiment is made with; what happened stands in `diary`, in order.

    Attributes:
        load_fails: How the measured load ends.
        load_stops_early: Somebody ends the measured load half-way.
        target_fails: Why no stack can be brought up.
        interrupts: Signals that ask the trial to end.
        watch: Called with everything that is written into the diary.
    """

    ledger: FakeLedger = field(default_factory=FakeLedger)
    metrics: FakeMetrics = field(default_factory=FakeMetrics)
    deployment: FakeDeployment = field(default_factory=FakeDeployment)
    load_fails: BaseException | None = None
    load_stops_early: bool = False
    target_fails: BaseException | None = None
    patience: Patience = PATIENT
    interrupts: Interrupts = field(default_factory=Interrupts)
    watch: Callable[[str], None] = lambda _: None

    def __post_init__(self) -> None:
        self.diary: list[str] = []

        def note(event: str) -> None:
            self.diary.append(event)
            self.watch(event)

        self.target = FakeTarget(self.deployment, fails=self.target_fails, note=note)
        self.load = FakeLoad(self.ledger, fails=self.load_fails, stops_early=self.load_stops_early, note=note)
        self.recorder = FakeRecorder(note=note)
        self.display = RecordingDisplay(note=note)
        self.span_windows: list[Window] = []

    @property
    def parts(self) -> Parts:
        """All of it."""
        return Parts(
            target=self.target,
            system=SYSTEM,
            load=lambda _: self.load,
            metrics=lambda _: self.metrics,
            ledger=lambda _: self.ledger,
            faults=_injector,
            pauses=lambda: nullcontext([Stall(1.0, 0.2)]),
            cpu_users=lambda: nullcontext([CpuUse("make", 0.4)]),
            environment=lambda deployment: {"store": deployment.store.kind},
            spans=self._spans,
            patience=self.patience,
            interrupts=self.interrupts,
        )

    def run(self, experiment: Experiment = EXPERIMENT, *, notebook: NotebookParameters = NO_NOTEBOOK) -> Trial:
        """Carry out an experiment from bringing the stack up to the record."""
        return run_trial(experiment, self.parts, self.recorder, self.display, notebook=notebook)

    def observe(self, experiment: Experiment = EXPERIMENT) -> Evidence:
        """Carry out an experiment on a stack that is up."""
        return observe(experiment, self.parts, self.deployment, display=self.display, run=self.recorder.run_id)

    def _spans(self, files: Sequence[Path], window: Window) -> Sequence[dict[str, object]]:
        self.span_windows.append(window)
        return [{"file": file.name} for file in files]


def _injector(
    deployment: Deployment, in_flight: Callable[[], int], /, *, pause: Callable[[float], object] = let_pass
) -> FaultInjector:
    return FakeInjector(in_flight, pause)
