"""A load generator, in memory."""

import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np

from lab.errors import UsageFault
from lab.load.port import LoadOrder, Progress, ignore_file, never
from lab.model import NANOS, Account, Aggregate, Constant, LoadRun, Replay, Samples, Window
from tests.fakes.ledger import ONLY_WINDOW_NS, FakeLedger


class Begun(NamedTuple):
    """The order of a load run, and the backlog of the store when it began, in events."""

    order: LoadOrder
    backlog: int


class FakeLoad:
    """Takes as long as ordered and puts constant loads into a ledger as one batch; satisfies `LoadGenerator`.

    It reports its progress once, half-way.

    Args:
        ledger: What accepts its events.
        fails: An error that ends every load run but a warm-up.
        stops_early: Whether every load run but a warm-up is stopped half-way.
        note: Called when a load run begins.
    """

    def __init__(
        self,
        ledger: FakeLedger,
        *,
        fails: BaseException | None = None,
        stops_early: bool = False,
        note: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._ledger, self._fails, self._stops_early, self._note = ledger, fails, stops_early, note
        self.begun: list[Begun] = []

    def run(
        self,
        order: LoadOrder,
        on_progress: Callable[[Progress], None],
        *,
        on_file: Callable[[str], None] = ignore_file,
        hurried: Callable[[], bool] = never,
    ) -> LoadRun:
        """See `LoadGenerator.run`."""
        self._note(f"load {order.run}")
        self.begun.append(Begun(order, self._ledger.backlog))
        measured = not order.run.endswith(".warmup")
        if self._fails is not None and measured:
            raise self._fails
        rate = order.load.shape.rate if isinstance(order.load.shape, Constant) else 100.0
        if rate <= 0:
            raise UsageFault("cannot carry out this load run", found="the rate must be more than 0")
        if isinstance(order.load.source, Replay):
            on_file(f"{Path(order.load.source.path).name}: 1 row; time=time; values: x")
        started_ns, half_s = time.time_ns(), order.duration_s / 2
        threading.Event().wait(half_s)
        stopped = hurried() or (self._stops_early and measured)
        try:
            on_progress(Progress(half_s, _account(round(rate * half_s)), rate, rate, 0, 1.0, 1.0))
        except KeyboardInterrupt:
            stopped = True
        if not stopped:
            threading.Event().wait(half_s)
        return self._load_run(order, round(rate * half_s * (1 if stopped else 2)), started_ns, stopped=stopped)

    def _load_run(self, order: LoadOrder, events: int, started_ns: int, *, stopped: bool) -> LoadRun:
        self._ledger.accept(order.run, events)
        ended_ns = time.time_ns()
        zero = np.zeros(1, np.int64)
        return LoadRun(
            account=_account(events),
            window=Window(started_ns, ended_ns),
            samples=Samples(started_ns, zero, zero, zero + 1_000_000, zero + events, np.ones(1, np.int8), zero, zero),
            producer_ledger=(Aggregate("fake", "fake", events, events * 1_000_000, 1.0, 1.0, ONLY_WINDOW_NS),),
            window_ns=order.window_ns or NANOS,
            stopped=stopped,
        )


def _account(events: int) -> Account:
    return Account(intended=events, sent=events, acknowledged=events, attempts=1)
