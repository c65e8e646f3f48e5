"""Plays a schedule open-loop: every batch is sent when it is due, whatever became of those before it."""

import asyncio
import threading
import time
from collections.abc import Awaitable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final, NamedTuple, Protocol

import grpc.aio
import numpy as np

from services.contracts import signals
from services.contracts.batches import Columns, encode
from services.contracts.generated.lab.ingest.v1.fast_reader_pb2 import AppendRequestReader
from services.contracts.generated.lab.ingest.v1.ingest_pb2 import AppendResponse
from services.contracts.generated.lab.simulator.v1 import simulator_pb2 as pb
from services.simulator.account import Account, Outcome
from services.simulator.answers import failure_of
from services.simulator.arrivals import Schedule, event_offsets
from services.simulator.producer_ledger import ProducerLedger
from services.simulator.request import Order
from services.simulator.sampling import Sampling, producer_id
from services.simulator.source import Source
from services.telemetry.instruments import Instruments
from services.telemetry.tracing import NO_SPAN, Attribute, SpanHandle, Tracing

NANOS: Final = 1_000_000_000
AHEAD: Final = 32
"""Batches made before they are due."""
BUILT_TOGETHER: Final = 8
LEAD_S: Final = 0.05
"""From the first batch's being made to its being due, at least."""
ATTEMPT_S: Final = 2.0
FIRST_BACKOFF_S: Final = 0.05
LONGEST_BACKOFF_S: Final = 0.5
RETRY_WINDOW: Final = 1_000
"""Sequences by which a batch that is still tried may lag; ingest-api recognises a repeat among the last 1,024."""
LOOK_S: Final = 0.1
METHOD: Final = "lab.ingest.v1.IngestService/Append"
Metadata = tuple[tuple[str, str], ...]


class Call(Protocol):
    """One attempt: request, seconds it may take, metadata."""

    def __call__(self, request: bytes, *, timeout: float, metadata: Metadata) -> Awaitable[AppendResponse]:
        """Send it; raises grpc.aio.AioRpcError."""


class Batch(NamedTuple):
    """One batch, ready to be sent."""

    number: int
    request: bytes
    columns: Columns


@dataclass(frozen=True, slots=True)
class Wires:
    """What a player works with.

    Attributes:
        call: Sends one request.
        metadata: Goes with every call.
        instruments: Of the simulator.
        tracing: Of the simulator.
        in_flight: Batches under way at once.
    """

    call: Call
    metadata: Metadata
    instruments: Instruments
    tracing: Tracing
    in_flight: int


class LoadGenerator:
    """One play, in one event loop; its account may be read from other threads meanwhile."""

    def __init__(
        self, order: Order, schedule: Schedule, source: Source, wires: Wires, *, stopping: threading.Event
    ) -> None:
        self.order, self.schedule, self.source, self._wires = order, schedule, source, wires
        self.account = Account((schedule.offset_s * NANOS).astype(np.int64), schedule.events)
        self.acknowledged, self.unknown = ProducerLedger(order.window_ns), ProducerLedger(order.window_ns)
        self.producer = producer_id()
        self.started_unix_ns = 0
        self.stopping = stopping
        self._started_s = 0.0
        self._sampling = Sampling()
        self._slots = asyncio.Semaphore(wires.in_flight)
        self._under_way: dict[int, asyncio.Task[None]] = {}

    @property
    def in_flight(self) -> int:
        """Batches under way."""
        return len(self._under_way)

    def elapsed_ns(self) -> int:
        """Nanoseconds since the start; for the loop's own thread."""
        return round((asyncio.get_running_loop().time() - self._started_s) * NANOS)

    async def run(self) -> None:
        """Send everything, until the end or until `stopping` is set; then wait for what is under way."""
        ready: asyncio.Queue[Batch | None] = asyncio.Queue(AHEAD)
        self.started_unix_ns = time.time_ns() + round(LEAD_S * NANOS)
        self._started_s = asyncio.get_running_loop().time() + LEAD_S
        async with asyncio.TaskGroup() as group:
            making = group.create_task(self._make(ready))
            while (batch := await self._next(ready)) is not None and await self._is_due(batch.number):
                await self._room_for(batch.number)
                task = group.create_task(self._send(batch))
                self._under_way[batch.number] = task
            making.cancel()

    async def _make(self, ready: "asyncio.Queue[Batch | None]") -> None:
        """Make batches ahead of their time, on another thread, since making them takes a while or waits."""
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

    def _batch(self, number: int, offset_s: "np.ndarray[tuple[int], np.dtype[np.float64]]") -> Batch:
        columns = self.source.take(self.started_unix_ns + (offset_s * NANOS).astype(np.int64))
        request = AppendRequestReader(
            producer_id=self.producer,
            sequence=number + 1,
            run=self.order.run,
            window_nanos=self.order.window_ns,
            batch=encode(columns),
        )
        return Batch(number, request.SerializeToString(), columns)

    async def _next(self, ready: "asyncio.Queue[Batch | None]") -> Batch | None:
        """The next batch; None at the end, or when the play is stopped while one is being waited for."""
        while not self.stopping.is_set():
            try:
                return await asyncio.wait_for(ready.get(), LOOK_S)
            except TimeoutError:
                continue
        return None

    async def _is_due(self, number: int) -> bool:
        """Wait until a batch is due; False when the play is stopped before."""
        while (early_ns := int(self.account.intended_ns[number]) - self.elapsed_ns()) > 0:
            if self.stopping.is_set():
                return False
            await asyncio.sleep(min(early_ns / NANOS, LOOK_S))
        return not self.stopping.is_set()

    async def _room_for(self, number: int) -> None:
        """Wait for a free slot, and for a batch that lags too far behind; both show as schedule delay."""
        await self._slots.acquire()
        while self._under_way and number - (oldest := next(iter(self._under_way))) >= RETRY_WINDOW:
            await asyncio.wait([self._under_way[oldest]])

    async def _send(self, batch: Batch) -> None:
        """Send a batch until its outcome is known, and write that down."""
        number, account = batch.number, self.account
        account.sent(number, self.elapsed_ns())
        self._wires.instruments.add(signals.SIMULATOR_EVENTS_SENT, len(batch.columns))
        try:
            with self._traced(number) as span:
                outcome = await self._outcome(batch, span)
            account.completed(number, self.elapsed_ns(), outcome)
        finally:
            self._slots.release()
            del self._under_way[number]
        self._keep(batch, outcome)

    async def _outcome(self, batch: Batch, span: SpanHandle) -> Outcome:
        """Try until it is acknowledged, refused for good, or its deadline is over."""
        loop = asyncio.get_running_loop()
        deadline_s, backoff_s, may_be_stored = loop.time() + self.order.deadline_s, FIRST_BACKOFF_S, False
        metadata = self._wires.metadata
        if span.traceparent:
            metadata = (*metadata, (signals.TRACEPARENT, span.traceparent))
        while True:
            self.account.attempts += 1
            try:
                timeout = min(deadline_s - loop.time(), ATTEMPT_S)
                answer = await self._wires.call(batch.request, timeout=timeout, metadata=metadata)
            except grpc.aio.AioRpcError as error:
                failure = failure_of(error, backoff_s=backoff_s)
            else:
                return Outcome(pb.OUTCOME_ACKNOWLEDGED, answer.duplicate)
            may_be_stored = may_be_stored or failure.may_be_stored
            if failure.retry_after_s is None or loop.time() + failure.retry_after_s >= deadline_s:
                span.fail(failure.reason)
                return Outcome(pb.OUTCOME_UNKNOWN if may_be_stored else pb.OUTCOME_REFUSED)
            await asyncio.sleep(failure.retry_after_s)
            backoff_s = min(2 * backoff_s, LONGEST_BACKOFF_S)

    def _keep(self, batch: Batch, outcome: Outcome) -> None:
        """Journal and metrics, after the times are taken."""
        if outcome.code == pb.OUTCOME_UNKNOWN:
            self.unknown.add(batch.columns)
        if outcome.code != pb.OUTCOME_ACKNOWLEDGED:
            return
        self.acknowledged.add(batch.columns)
        account, number, instruments = self.account, batch.number, self._wires.instruments
        waited_ns = int(account.completed_ns[number] - account.intended_ns[number])
        delay_ns = int(account.sent_ns[number] - account.intended_ns[number])
        instruments.add(signals.SIMULATOR_EVENTS_ACKNOWLEDGED, len(batch.columns))
        instruments.record(signals.SIMULATOR_ACKNOWLEDGEMENT, waited_ns / NANOS)
        instruments.record(signals.SIMULATOR_SCHEDULE_DELAY, delay_ns / NANOS)

    @contextmanager
    def _traced(self, number: int) -> Iterator[SpanHandle]:
        """A span from the intended time on, for one batch in a hundred."""
        if not self._sampling.takes(float(self.schedule.offset_s[number])):
            yield NO_SPAN
            return
        attributes: dict[str, Attribute] = {
            signals.RPC_SYSTEM: "grpc",
            signals.RPC_METHOD: METHOD,
            signals.RUN: self.order.run,
            signals.BATCH_SEQUENCE: number + 1,
            signals.BATCH_EVENTS: int(self.schedule.events[number]),
        }
        with self._wires.tracing.root(signals.SEND_BATCH, attributes) as span:
            yield span
