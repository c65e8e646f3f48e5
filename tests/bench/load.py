"""Closed-loop clients for the benchmarks: prepared calls, a fixed number in flight."""

import asyncio
import itertools
from collections.abc import Iterator, Sequence
from typing import Any, Final

import grpc.aio
import numpy as np

from services.contracts.batches import Columns, encode
from services.contracts.generated.lab.ingest.v1.ingest_pb2 import AppendRequest, EventBatch
from services.contracts.signals import TRACEPARENT
from tests.bench import naive_chain

IN_FLIGHT: Final = 8
SOURCES, KINDS = 5, 4
"""Twenty aggregates per batch, on both sides."""
START_NS: Final = 1_700_000_000_000_000_000
SPAN_NS: Final = 1_000_000_000
SAMPLED_EVERY: Final = 100
SAMPLED: Final = ((TRACEPARENT, "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"),)
"""Trace context of one batch in a hundred, the default sampling."""


def columns(seed: int, events: int) -> Columns:
    """Return random events of one window."""
    draw = np.random.default_rng(seed)
    return Columns(
        sources=tuple(f"src-{i:02d}" for i in range(SOURCES)),
        kinds=tuple(f"kind{i}" for i in range(KINDS)),
        source_index=draw.integers(0, SOURCES, events).astype(np.uint32),
        kind_index=draw.integers(0, KINDS, events).astype(np.uint32),
        time_ns=START_NS + draw.integers(0, SPAN_NS, events),
        value=draw.normal(100, 30, events),
    )


def batched_calls(batches: int, events: int, *, run: str, producer: bytes) -> list[bytes]:
    """Return append requests with the sequences 1, 2 and so on."""
    return [
        AppendRequest(
            producer_id=producer,
            sequence=sequence,
            run=run,
            batch=EventBatch.FromString(encode(columns(sequence, events))),
        ).SerializeToString()
        for sequence in range(1, batches + 1)
    ]


def single_calls(events: int) -> list[bytes]:
    """Return calls of one event each, for the naive chain."""
    batch = columns(7, 500)
    rows = [
        naive_chain.Event(
            source=batch.sources[batch.source_index[i]],
            kind=batch.kinds[batch.kind_index[i]],
            time_us=int(batch.time_ns[i]) // 1_000,
            value=float(batch.value[i]),
        ).SerializeToString()
        for i in range(500)
    ]
    return list(itertools.islice(itertools.cycle(rows), events))


def send(address: str, method: str, calls: Sequence[bytes]) -> None:
    """Send all calls, a fixed number in flight."""
    asyncio.run(_send(address, method, calls))


async def _send(address: str, method: str, calls: Sequence[bytes]) -> None:
    async with grpc.aio.insecure_channel(address) as channel:
        call: Any = channel.unary_unary(method)
        waiting: Iterator[tuple[int, bytes]] = iter(enumerate(calls))

        async def send_waiting() -> None:
            for number, request in waiting:
                await call(request, metadata=None if number % SAMPLED_EVERY else SAMPLED)

        async with asyncio.TaskGroup() as group:
            for _ in range(IN_FLIGHT):
                group.create_task(send_waiting())
