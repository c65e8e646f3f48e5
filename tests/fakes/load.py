"""A load generator, in memory."""

import threading
import time
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from lab.errors import LabError
from lab.load.port import LoadOrder, Progress
from lab.model import NANOS, Account, Aggregate, Constant, LoadRun, Samples, Window
from tests.fakes.ledger import FakeLedger


class Begun(NamedTuple):
    """The order of a load run, and the backlog of the store when it began, in events."""

    order: LoadOrder
    backlog: int


class FakeLoad:
    """Takes as long as ordered and puts constant loads into a ledger as one batch; satisfies `LoadGenerator`.

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

    def run(self, order: LoadOrder, on_progress: Callable[[Progress], None]) -> LoadRun:
        """See `LoadGenerator.run`."""
        self._note(f"load {order.run}")
        self.begun.append(Begun(order, self._ledger.backlog))
        measured = not order.run.endswith(".warmup")
        if self._fails is not None and measured:
            raise self._fails
        stopped = self._stops_early and measured
        return self._load_run(order, on_progress, share=0.5 if stopped else 1.0, stopped=stopped)

    def stop(self) -> None:
        """See `LoadGenerator.stop`; cannot be called while `run` has the only thread."""
        raise LabError("no load run is under way")

    def _load_run(
        self, order: LoadOrder, on_progress: Callable[[Progress], None], *, share: float, stopped: bool
    ) -> LoadRun:
        started_ns = time.time_ns()
        threading.Event().wait(order.duration_s * share)
        rate = order.load.shape.rate if isinstance(order.load.shape, Constant) else 100.0
        events = round(rate * order.duration_s * share)
        self._ledger.accept(order.run, events)
        account = Account(intended=events, sent=events, acknowledged=events, attempts=1)
        on_progress(Progress(order.duration_s * share, account, rate, rate, 0, 1.0, 1.0))
        ended_ns = time.time_ns()
        zero = np.zeros(1, np.int64)
        return LoadRun(
            account=account,
            window=Window(started_ns, ended_ns),
            samples=Samples(started_ns, zero, zero, zero + 1_000_000, zero + events, np.ones(1, np.int8)),
            producer_ledger=(Aggregate("fake", "fake", events, events * 1_000_000, 1.0, 1.0, 1),),
            window_ns=order.window_ns or NANOS,
            stopped=stopped,
        )
