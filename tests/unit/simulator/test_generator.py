"""The load generator is open-loop: batches are sent when they are due, shown on a virtual clock."""

import asyncio
import math
import threading
from collections.abc import Awaitable, Callable
from typing import Any, Final

import grpc
import grpc.aio
import numpy as np
import pytest
from opentelemetry import metrics, trace

from services.contracts.generated.lab.ingest.v1.ingest_pb2 import AppendResponse
from services.contracts.generated.lab.simulator.v1 import simulator_pb2 as pb
from services.serving.status import Refused, status_of
from services.simulator import arrivals
from services.simulator.generator import LoadGenerator
from services.simulator.request import LoadRequest
from services.simulator.resources import Resources
from services.simulator.sources.synthetic import SyntheticSource
from services.telemetry.instruments import Instruments
from services.telemetry.tracing import Tracing

NANOS: Final = 1_000_000_000
REQUEST: Final = LoadRequest("r", window_ns=NANOS, deadline_s=5.0, ingest_address="nowhere:1")
Answer = Callable[[float, bytes], Awaitable[AppendResponse]]


class VirtualLoop(asyncio.SelectorEventLoop):
    """An event loop whose clock jumps to the next timer. Work for threads runs at once."""

    def __init__(self) -> None:
        super().__init__()
        self._virtual_s = 1_000.0
        real: Any = self._selector  # type: ignore[attr-defined]
        select = real.select

        def jump(timeout: float | None) -> Any:
            self._virtual_s += timeout or 0.0
            return select(0)

        real.select = jump

    def time(self) -> float:
        """Return virtual seconds."""
        return self._virtual_s

    def run_in_executor(  # type: ignore[override]
        self, executor: Any, func: Callable[..., Any], *args: Any
    ) -> Any:
        """Run at once, in this thread."""
        future = self.create_future()
        future.set_result(func(*args))
        return future


def run_load(
    answer: Answer, *, in_flight: int = 256, seconds: float = 10, stopped_at_s: float = math.inf
) -> LoadGenerator:
    """Send 200 batches a second to a server that is a function, whose clock begins with the load.

    Args:
        answer: The server.
        in_flight: Slots of the generator.
        seconds: Length of the load.
        stopped_at_s: When the load is ended, and batches under way are given up at once.
    """
    instruments = Instruments(metrics.NoOpMeterProvider().get_meter("t"), "simulator")
    tracing = Tracing(trace.NoOpTracerProvider().get_tracer("t"))
    schedule = arrivals.schedule(arrivals.constant(2_000, seconds), batch_events=10)
    source = SyntheticSource(seed=1, sources=2, kinds=2)
    loop = VirtualLoop()
    generators: list[LoadGenerator] = []

    async def call(request: bytes, *, timeout: float, metadata: object) -> AppendResponse:  # noqa: ASYNC109  gRPC's name
        """Call the function."""
        del timeout, metadata
        return await answer(generators[0].elapsed_ns() / NANOS, request)

    async def end() -> None:
        """End the load, as a simulator does that is ended itself."""
        await asyncio.sleep(stopped_at_s)
        generators[0].stopping.set()
        generators[0].give_up(within_s=0.0)

    async def main() -> None:
        """Make the generator in the loop that runs it."""
        resources = Resources(call, (), instruments, tracing, in_flight)
        generators.append(LoadGenerator(REQUEST, schedule, source, resources, stopping=threading.Event()))
        ending = asyncio.ensure_future(end())
        await generators[0].run()
        ending.cancel()

    try:
        loop.run_until_complete(main())
    finally:
        loop.close()
    return generators[0]


def latency_ms(generator: LoadGenerator) -> "np.ndarray[Any, np.dtype[np.float64]]":
    """Return the latency of each batch from its intended time."""
    latency: np.ndarray[Any, np.dtype[np.float64]] = (
        generator.account.completed_ns - generator.account.intended_ns
    ) / 1e6
    return latency


def stalled(start_s: float, length_s: float) -> Answer:
    """Return a server that answers at once, except during one stall."""

    async def answer(now_s: float, _request: bytes) -> AppendResponse:
        """Answer at once, or when the stall is over."""
        if start_s <= now_s < start_s + length_s:
            await asyncio.sleep(start_s + length_s - now_s)
        return AppendResponse()

    return answer


def refusing(code: grpc.StatusCode, *, until_s: float, retry_after_s: float = 0.0) -> Answer:
    """Return a server that refuses everything until *until_s*."""

    async def answer(now_s: float, _request: bytes) -> AppendResponse:
        """Refuse, or answer after *until_s*."""
        if now_s < until_s:
            status = status_of(Refused(code, "PLANTED", "planted", retry_after_s=retry_after_s))
            metadata = grpc.aio.Metadata(*(status.trailing_metadata or ()))
            raise grpc.aio.AioRpcError(code, grpc.aio.Metadata(), metadata, details="planted")
        return AppendResponse()

    return answer


def test_a_stall_delays_every_batch_that_was_due() -> None:
    """200 ms hit 40 of 2,000 batches, which wait 200, 195, … 5 ms. Without coordinated omission the p99 is 100 ms."""
    waited = np.sort(latency_ms(run_load(stalled(4.9999, 0.2))))
    assert len(waited) == 2_000
    assert waited[-40:] == pytest.approx(np.arange(4.9, 200, 5), abs=0.01)
    assert waited[int(np.ceil(0.99 * 2_000)) - 1] == pytest.approx(99.9, abs=0.01)
    assert waited[:-40].max() == pytest.approx(0, abs=0.01)


def test_every_batch_is_sent_when_it_is_due() -> None:
    """Also while batches before it wait."""
    account = run_load(stalled(2.0, 1.0)).account
    assert np.abs(account.sent_ns - account.intended_ns).max() < 10_000


def test_a_limit_of_batches_under_way_shows_as_schedule_delay() -> None:
    """With at most two batches under way, the other batches are sent late."""
    account = run_load(stalled(1.0, 1.0), in_flight=2, seconds=3).account
    delay_ms = (account.sent_ns - account.intended_ns) / 1e6
    assert delay_ms.max() > 900
    assert (account.completed_ns - account.sent_ns).max() / 1e6 <= 1_000.1


def test_backpressure_is_waited_out_with_the_same_sequence() -> None:
    """A refused batch is retried after the named time, and counts once."""
    generator = run_load(refusing(grpc.StatusCode.RESOURCE_EXHAUSTED, until_s=1.0, retry_after_s=0.2), seconds=2)
    totals = generator.account.totals(intended=4_000)
    assert (totals.sent, totals.acknowledged, totals.refused, totals.unknown) == (4_000, 4_000, 0, 0)
    assert totals.attempts > 400


@pytest.mark.parametrize(
    ("code", "retry_after_s", "outcome"),
    [
        (grpc.StatusCode.INVALID_ARGUMENT, 0.0, pb.OUTCOME_REFUSED),
        (grpc.StatusCode.RESOURCE_EXHAUSTED, 0.0, pb.OUTCOME_REFUSED),
        (grpc.StatusCode.RESOURCE_EXHAUSTED, 0.5, pb.OUTCOME_REFUSED),
        (grpc.StatusCode.UNAVAILABLE, 0.5, pb.OUTCOME_UNKNOWN),
        (grpc.StatusCode.DEADLINE_EXCEEDED, 0.0, pb.OUTCOME_UNKNOWN),
    ],
)
def test_a_batch_that_is_never_acknowledged_is_refused_or_unknown(
    code: grpc.StatusCode, retry_after_s: float, outcome: int
) -> None:
    """Unknown only where the store may have the batch."""
    generator = run_load(refusing(code, until_s=60, retry_after_s=retry_after_s), seconds=1)
    assert set(generator.account.outcome.tolist()) == {outcome}
    unknown = sum(aggregate.count for _, aggregate in generator.unknown.aggregates())
    assert unknown == (2_000 if outcome == pb.OUTCOME_UNKNOWN else 0)
    assert list(generator.acknowledged.aggregates()) == []


@pytest.mark.parametrize("retry_after_s", [0.5, 60.0])
def test_a_refused_batch_that_is_given_up_stays_refused(retry_after_s: float) -> None:
    """Whether its next attempt would be due soon or late; the load ends within moments."""
    answer = refusing(grpc.StatusCode.RESOURCE_EXHAUSTED, until_s=99, retry_after_s=retry_after_s)
    generator = run_load(answer, seconds=3, stopped_at_s=1.0)
    totals = generator.account.totals(intended=6_000)
    assert totals.sent == totals.refused > 0
    assert totals.unknown == 0
    assert generator.elapsed_ns() < 1.3 * NANOS


def test_no_batch_leaves_after_the_end_of_the_load() -> None:
    """A batch that waited for a slot is not sent: nobody could tell what became of it."""
    generator = run_load(stalled(0.5, 60), in_flight=2, seconds=3, stopped_at_s=1.0)
    sent = generator.account.sent_ns[generator.account.sent_ns > 0]
    assert sent.max() < 1.0 * NANOS


def test_the_producer_ledger_holds_exactly_the_acknowledged_events() -> None:
    """To the last micro-unit, in any order of the answers."""
    steady, stalling = run_load(stalled(99, 0), seconds=2), run_load(stalled(1.0, 0.5), seconds=2)
    aggregates = dict(steady.acknowledged.aggregates())
    assert sum(aggregate.count for aggregate in aggregates.values()) == 4_000
    totals = [
        sum(aggregate.sum_micro for _, aggregate in generator.acknowledged.aggregates())
        for generator in (steady, stalling)
    ]
    assert totals[0] == totals[1]
