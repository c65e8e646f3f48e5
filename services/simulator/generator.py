"""Generates open-loop load: every batch is sent when it is due, whatever became of the batches before it.

A closed-loop generator waits for answers, and so leaves out the requests that a stall would have delayed: coordinated
omission. Here latency counts from the intended send time (`ARCHITECTURE.md` D13).
"""

import asyncio
import math
import secrets
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final, NamedTuple

import grpc.aio
import numpy as np
from numpy.typing import NDArray

from services.contracts import signals
from services.contracts.batches import Columns, encode
from services.contracts.generated.lab.ingest.v1.fast_reader_pb2 import AppendRequestReader
from services.contracts.generated.lab.simulator.v1 import simulator_pb2 as pb
from services.contracts.limits import NANOS, PRODUCER_ID_BYTES
from services.serving.status import refusal_from
from services.simulator.account import Account, Outcome
from services.simulator.answers import Failure, failure_of
from services.simulator.arrivals import Schedule, event_offsets
from services.simulator.cpu_wait import CpuWait
from services.simulator.producer_ledger import ProducerLedger
from services.simulator.request import LoadRequest
from services.simulator.resources import Resources
from services.simulator.sampling import Sampling
from services.simulator.source import Source
from services.telemetry.tracing import NO_SPAN, Attribute, SpanHandle

AHEAD: Final = 32
"""Batches made before they are due."""
BUILT_TOGETHER: Final = 8
LEAD_S: Final = 0.05
"""Least seconds from the start of making the first batch until it is due."""
ATTEMPT_S: Final = 2.0
FIRST_BACKOFF_S: Final = 0.05
LONGEST_BACKOFF_S: Final = 0.5
RETRY_WINDOW: Final = 1_000
"""Most sequences that a batch under way may lag behind. ingest-api recognises a repeat among the last 1,024."""
CHECK_EVERY_S: Final = 0.1
MESSAGE_CHARACTERS: Final = 200
"""Characters of a refusal's text that are kept."""
METHOD: Final = "lab.ingest.v1.IngestService/Append"


class Batch(NamedTuple):
    """One batch, ready to be sent."""

    number: int
    request: bytes
    columns: Columns


class LoadGenerator:
    """One load run, in one event loop. Other threads may read its account meanwhile, and end it."""

    def __init__(
        self,
        request: LoadRequest,
        schedule: Schedule,
        source: Source,
        resources: Resources,
        *,
        stopping: threading.Event,
    ) -> None:
        self.request, self.schedule, self.source, self._resources = request, schedule, source, resources
        self.account = Account((schedule.offset_s * NANOS).astype(np.int64), schedule.events)
        self.acknowledged, self.unknown = ProducerLedger(request.window_ns), ProducerLedger(request.window_ns)
        self.started_unix_ns = 0
        self.clock_step_ns = 0
        self.stopping = stopping
        self._tried_until_s = math.inf
        self._producer = secrets.token_bytes(PRODUCER_ID_BYTES)
        self._now_s: Callable[[], float] = time.monotonic
        self._started_s = 0.0
        self._sampling = Sampling()
        self._cpu_wait = CpuWait()
        self._slots = asyncio.Semaphore(resources.in_flight)
        self._under_way: dict[int, asyncio.Task[None]] = {}

    @property
    def in_flight(self) -> int:
        """Number of batches under way."""
        return len(self._under_way)

    def elapsed_ns(self) -> int:
        """Return the nanoseconds since the start, by the clock of the event loop."""
        return round((self._now_s() - self._started_s) * NANOS)

    def give_up(self, *, within_s: float) -> None:
        """Try the batches under way for some seconds at most; each has a deadline besides."""
        self._tried_until_s = min(self._tried_until_s, self._now_s() + within_s)

    async def run(self) -> None:
        """Send all batches, until the end or until `stopping` is set. Then wait for the batches under way."""
        ready: asyncio.Queue[Batch | None] = asyncio.Queue(AHEAD)
        ahead_ns = time.time_ns() - time.monotonic_ns()
        self._now_s = asyncio.get_running_loop().time
        self._started_s = self._now_s() + LEAD_S
        # Other threads take this for the sign that the load has begun.
        self.started_unix_ns = time.time_ns() + round(LEAD_S * NANOS)
        with self._cpu_wait:
            await self._send_all(ready)
        self.clock_step_ns = time.time_ns() - time.monotonic_ns() - ahead_ns

    async def _send_all(self, ready: "asyncio.Queue[Batch | None]") -> None:
        async with asyncio.TaskGroup() as group:
            making = group.create_task(self._make(ready))
            while (batch := await self._next(ready)) is not None and await self._is_due(batch.number):
                await self._room_for(batch.number)
                if self.stopping.is_set():
                    break
                task = group.create_task(self._send(batch))
                self._under_way[batch.number] = task
            making.cancel()

    async def _make(self, ready: "asyncio.Queue[Batch | None]") -> None:
        """Make batches ahead of their time, on another thread, since making takes a while or waits for readings."""
        first, later = 0, 1 if self.source.is_live else BUILT_TOGETHER
        while first < len(self.schedule):
            end = min(first + (later if first else 1), len(self.schedule))
            for batch in await asyncio.to_thread(self._built, first, end):
                await ready.put(batch)
            first = end
        await ready.put(None)

    def _built(self, first: int, end: int) -> list[Batch]:
        offsets = event_offsets(self.schedule, first, end)
        return [self._batch(number, offset) for number, offset in zip(range(first, end), offsets, strict=True)]

    def _batch(self, number: int, offset_s: NDArray[np.float64]) -> Batch:
        columns = self.source.take(self.started_unix_ns + (offset_s * NANOS).astype(np.int64))
        request = AppendRequestReader(
            producer_id=self._producer,
            sequence=number + 1,
            run=self.request.run,
            window_nanos=self.request.window_ns,
            batch=encode(columns),
        )
        return Batch(number, request.SerializeToString(), columns)

    async def _next(self, ready: "asyncio.Queue[Batch | None]") -> Batch | None:
        """Return the next batch; None at the end, or when the load run is stopped meanwhile."""
        while not self.stopping.is_set():
            try:
                return await asyncio.wait_for(ready.get(), CHECK_EVERY_S)
            except TimeoutError:
                continue
        return None

    async def _is_due(self, number: int) -> bool:
        """Wait until a batch is due. Return False when the load run is stopped before."""
        while (early_ns := int(self.account.intended_ns[number]) - self.elapsed_ns()) > 0:
            if self.stopping.is_set():
                return False
            await asyncio.sleep(min(early_ns / NANOS, CHECK_EVERY_S))
        return not self.stopping.is_set()

    async def _room_for(self, number: int) -> None:
        """Wait for a free slot, and for a batch that lags too far behind. Both waits are the system's back-pressure."""
        since_ns, waited = self.elapsed_ns(), self._slots.locked()
        await self._slots.acquire()
        while self._under_way and number - (oldest := next(iter(self._under_way))) >= RETRY_WINDOW:
            waited = True
            await asyncio.wait([self._under_way[oldest]])
        if waited:
            self.account.blocked(number, self.elapsed_ns() - since_ns)

    async def _send(self, batch: Batch) -> None:
        """Send a batch until its outcome is known, and record the outcome."""
        number, account = batch.number, self.account
        account.sent(number, self.elapsed_ns(), starved_ns=self._cpu_wait.grown_ns())
        self._resources.instruments.add(signals.SIMULATOR_EVENTS_SENT, len(batch.columns))
        try:
            with self._traced(number) as span:
                outcome = await self._outcome(batch, span)
            account.completed(number, self.elapsed_ns(), outcome)
        finally:
            self._slots.release()
            del self._under_way[number]
        self._record(batch, outcome)

    async def _outcome(self, batch: Batch, span: SpanHandle) -> Outcome:
        """Try until the batch is acknowledged, refused for good, or past its deadline."""
        loop = asyncio.get_running_loop()
        deadline_s, backoff_s, may_be_stored = loop.time() + self.request.deadline_s, FIRST_BACKOFF_S, False
        metadata = self._resources.metadata
        if span.traceparent:
            metadata = (*metadata, (signals.TRACEPARENT, span.traceparent))
        while True:
            self.account.attempts += 1
            try:
                timeout = min(deadline_s - loop.time(), ATTEMPT_S)
                answer = await self._resources.send(batch.request, timeout=timeout, metadata=metadata)
            except grpc.aio.AioRpcError as error:
                refused = refusal_from(error)
                failure = failure_of(refused, backoff_s=backoff_s)
            else:
                return Outcome(pb.OUTCOME_ACKNOWLEDGED, answer.duplicate)
            may_be_stored = may_be_stored or failure.may_be_stored
            if not await self._is_tried_again(failure, deadline_s):
                span.fail(failure.reason)
                code = pb.OUTCOME_UNKNOWN if may_be_stored else pb.OUTCOME_REFUSED
                return Outcome(code, reason=failure.reason, message=str(refused)[:MESSAGE_CHARACTERS])
            backoff_s = min(2 * backoff_s, LONGEST_BACKOFF_S)

    async def _is_tried_again(self, failure: Failure, deadline_s: float) -> bool:
        """Wait until the next attempt is due. Return False, at once, where there is none, or none in time."""
        loop = asyncio.get_running_loop()
        due_s = math.inf if failure.retry_after_s is None else loop.time() + failure.retry_after_s
        while due_s < min(deadline_s, self._tried_until_s):
            if (left_s := due_s - loop.time()) <= 0:
                return True
            await asyncio.sleep(min(left_s, CHECK_EVERY_S))
        return False

    def _record(self, batch: Batch, outcome: Outcome) -> None:
        """Update producer ledger and metrics, after the times are taken."""
        if outcome.code == pb.OUTCOME_UNKNOWN:
            self.unknown.add(batch.columns)
        if outcome.code != pb.OUTCOME_ACKNOWLEDGED:
            return
        self.acknowledged.add(batch.columns)
        account, number, instruments = self.account, batch.number, self._resources.instruments
        latency_ns = int(account.completed_ns[number] - account.intended_ns[number])
        delay_ns = int(account.sent_ns[number] - account.intended_ns[number])
        instruments.add(signals.SIMULATOR_EVENTS_ACKNOWLEDGED, len(batch.columns))
        instruments.record(signals.SIMULATOR_ACKNOWLEDGEMENT, latency_ns / NANOS)
        instruments.record(signals.SIMULATOR_SCHEDULE_DELAY, delay_ns / NANOS)

    @contextmanager
    def _traced(self, number: int) -> Iterator[SpanHandle]:
        """Make a span for a sampled batch."""
        if not self._sampling.takes(float(self.schedule.offset_s[number])):
            yield NO_SPAN
            return
        attributes: dict[str, Attribute] = {
            signals.RPC_SYSTEM: "grpc",
            signals.RPC_METHOD: METHOD,
            signals.RUN: self.request.run,
            signals.BATCH_SEQUENCE: number + 1,
            signals.BATCH_EVENTS: int(self.schedule.events[number]),
        }
        with self._resources.tracing.root(signals.SEND_BATCH, attributes) as span:
            yield span
