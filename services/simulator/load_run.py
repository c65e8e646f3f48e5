"""Runs one load on a thread of its own, whose progress others follow."""

import asyncio
import math
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import grpc
import grpc.aio

from services.contracts.generated.lab.ingest.v1.ingest_pb2 import AppendResponse
from services.contracts.generated.lab.simulator.v1 import simulator_pb2 as pb
from services.serving.channel import call_metadata, open_aio_channel
from services.serving.program import Context
from services.serving.status import Refused
from services.simulator import report
from services.simulator.arrivals import Schedule
from services.simulator.generator import ATTEMPT_S, METHOD, LoadGenerator
from services.simulator.request import LoadRequest
from services.simulator.resources import Resources, Send
from services.simulator.settings import SimulatorSettings
from services.simulator.source import Source

PROGRESS_S: Final = 0.2
LOOK_EVERY_S: Final = 0.02
LAST_ATTEMPT_AND_REPORT_S: Final = ATTEMPT_S + 1.0
"""Seconds that a stopping simulator keeps for the attempts under way and for its report."""
CONNECT_S: Final = 10.0
"""A killed ingest-api is back within two seconds."""


@dataclass
class LoadRun:
    """A load run under way, on a thread of its own."""

    context: Context[SimulatorSettings]
    request: LoadRequest
    schedule: Schedule
    source: Source
    generator: LoadGenerator | None = None
    error: BaseException | None = None

    def __post_init__(self) -> None:
        self.stopping = threading.Event()
        self.over = threading.Event()

    def run(self) -> None:
        """Generate the load to its end. An error is kept for `raise_error`."""
        try:
            asyncio.run(self._run())
        except BaseException as error:  # noqa: BLE001  raised by the thread that waits
            self.error = error
        finally:
            self.over.set()

    async def _run(self) -> None:
        settings = self.context.settings
        async with open_aio_channel(self.request.ingest_address, settings) as channel:
            await self._connected(channel)
            send: Send = channel.unary_unary(f"/{METHOD}", None, AppendResponse.FromString)
            resources = Resources(
                send,
                call_metadata(settings),
                self.context.instruments,
                self.context.tracing,
                settings.simulator_in_flight,
            )
            self.generator = LoadGenerator(self.request, self.schedule, self.source, resources, stopping=self.stopping)
            try:
                await self.generator.run()
            finally:
                # A source that waits for its next reading would hold up the end of this event loop.
                self.source.close()

    async def _connected(self, channel: grpc.aio.Channel) -> None:
        """Wait until ingest-api answers, or the load run is stopped. Raises Refused after ten seconds.

        The channel's state is polled. A watch that is cancelled would outlive this event loop and disturb the next run.
        """
        end_s = time.monotonic() + CONNECT_S
        while channel.get_state(try_to_connect=True) is not grpc.ChannelConnectivity.READY:
            if self.stopping.is_set():
                return
            if time.monotonic() > end_s:
                message = f"ingest-api {self.request.ingest_address} does not answer; start it, or name another address"
                raise Refused(grpc.StatusCode.UNAVAILABLE, "INGEST_UNREACHABLE", message)
            await asyncio.sleep(LOOK_EVERY_S)

    def stop(self, *, within_s: float = math.inf) -> None:
        """End the load. The batches under way are tried until their deadlines, or for some seconds at most."""
        self.stopping.set()
        if self.generator is not None:
            self.generator.give_up(within_s=within_s)

    def progress(self) -> Iterator[pb.RunLoadResponse]:
        """Yield the progress every fifth of a second, until the load run is over."""
        while not self.over.wait(PROGRESS_S):
            if self.context.stopping.is_set():
                self.stop(within_s=max(0.0, self.context.settings.drain_seconds - LAST_ATTEMPT_AND_REPORT_S))
            generator = self.generator
            if generator is not None and generator.started_unix_ns:
                yield pb.RunLoadResponse(progress=report.progress(generator, generator.elapsed_ns()))

    def raise_error(self) -> None:
        """Raise the error that ended the load run, if there is one."""
        error = self.error
        while isinstance(error, BaseExceptionGroup):
            error = error.exceptions[0]
        if error is not None:
            raise error
