"""Plays one load at a time, and streams what it has to say."""

import asyncio
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from typing import Any, Final

import grpc

from services.contracts.generated.lab.ingest.v1.ingest_pb2 import AppendResponse
from services.contracts.generated.lab.simulator.v1 import simulator_pb2 as pb
from services.contracts.generated.lab.simulator.v1.simulator_pb2_grpc import SimulatorServiceServicer
from services.serving.channel import call_metadata, open_aio_channel
from services.serving.program import Context
from services.serving.status import Refused
from services.simulator import report, sources
from services.simulator.arrivals import Schedule
from services.simulator.generator import METHOD, LoadGenerator, Wires
from services.simulator.request import Order, read_order
from services.simulator.settings import SimulatorSettings
from services.simulator.source import Source, SourceFault
from services.simulator.uploads import Uploads

SERVICE: Final = "lab.simulator.v1.SimulatorService"
PROGRESS_S: Final = 0.2
CONNECT_S: Final = 10.0
"""A killed ingest-api is back within two seconds."""


@dataclass
class LoadRun:
    """A play under way, on a thread of its own."""

    context: Context[SimulatorSettings]
    order: Order
    schedule: Schedule
    source: Source
    generator: LoadGenerator | None = None
    error: BaseException | None = None

    def __post_init__(self) -> None:
        self.stopping = threading.Event()
        self.over = threading.Event()

    def run(self) -> None:
        """Play to the end; what goes wrong is kept for whoever waits."""
        try:
            asyncio.run(self._run())
        except BaseException as error:  # noqa: BLE001  raised by the thread that waits
            self.error = error
        finally:
            self.over.set()

    async def _run(self) -> None:
        settings = self.context.settings
        async with open_aio_channel(self.order.ingest_address, settings) as channel:
            try:
                await asyncio.wait_for(channel.channel_ready(), CONNECT_S)
            except TimeoutError:
                message = f"ingest-api {self.order.ingest_address} does not answer"
                raise Refused(grpc.StatusCode.UNAVAILABLE, "INGEST_UNREACHABLE", message) from None
            call: Any = channel.unary_unary(f"/{METHOD}", None, AppendResponse.FromString)
            wires = Wires(
                call,
                call_metadata(settings),
                self.context.instruments,
                self.context.tracing,
                settings.simulator_in_flight,
            )
            self.generator = LoadGenerator(self.order, self.schedule, self.source, wires, stopping=self.stopping)
            await self.generator.run()

    def stop(self) -> None:
        """End the load; what is under way is waited for."""
        self.stopping.set()

    def progress(self) -> Iterator[pb.RunLoadResponse]:
        """A look every fifth of a second, until it is over."""
        while not self.over.wait(PROGRESS_S):
            if self.context.stopping.is_set():
                self.stop()
            generator = self.generator
            if generator is not None and generator.started_unix_ns:
                yield pb.RunLoadResponse(
                    progress=report.progress(generator, time.time_ns() - generator.started_unix_ns)
                )

    def raise_trouble(self) -> None:
        """Raise what went wrong, as what the caller is told."""
        error = self.error
        while isinstance(error, BaseExceptionGroup):
            error = error.exceptions[0]
        if isinstance(error, SourceFault):
            raise _refusal(error) from error
        if error is not None:
            raise error


class SimulatorServicer(SimulatorServiceServicer):
    """`lab.simulator.v1.SimulatorService`."""

    def __init__(self, context: Context[SimulatorSettings]) -> None:
        self._context = context
        self._busy = threading.Lock()
        self._run: LoadRun | None = None
        self._uploads = Uploads()

    @property
    def is_busy(self) -> bool:
        """Whether a load is under way."""
        return self._busy.locked()

    def LoadRun(self, request: pb.RunLoadRequest, context: grpc.ServicerContext) -> Iterator[pb.RunLoadResponse]:  # noqa: N802  the names are the proto's
        """Play a load; progress first, then everything about it."""
        order = read_order(request)
        if not self._busy.acquire(blocking=False):
            message = "a load is being played; two at once would measure each other"
            raise Refused(grpc.StatusCode.FAILED_PRECONDITION, "BUSY", message)
        try:
            yield from self._run_load(request, order, context)
        finally:
            self._run = None
            self._busy.release()

    def Stop(self, _request: pb.StopRequest, _context: grpc.ServicerContext) -> pb.StopResponse:  # noqa: N802
        """End the load that is playing."""
        load_run = self._run
        if load_run is not None:
            load_run.stop()
        return pb.StopResponse(was_running=load_run is not None)

    def Upload(  # noqa: N802
        self, request_iterator: Iterator[pb.UploadRequest], _context: grpc.ServicerContext
    ) -> pb.UploadResponse:
        """Take a file to replay."""
        if self.is_busy:
            message = "a load is being played; a file that comes in meanwhile would disturb it"
            raise Refused(grpc.StatusCode.FAILED_PRECONDITION, "BUSY", message)
        return pb.UploadResponse(path=str(self._uploads.receive(request_iterator)))

    def close(self) -> None:
        """Remove the file that came and was not played."""
        self._uploads.close()

    def _run_load(
        self, request: pb.RunLoadRequest, order: Order, context: grpc.ServicerContext
    ) -> Iterator[pb.RunLoadResponse]:
        try:
            prepared = sources.prepare(request)
        except SourceFault as fault:
            raise _refusal(fault) from fault
        finally:
            # A file is read whole.
            self._uploads.forget(request.replay.path)
        with closing(prepared.source):
            order = replace(order, window_ns=prepared.window_ns or order.window_ns)
            load_run = self._run = LoadRun(self._context, order, prepared.schedule, prepared.source)
            context.add_callback(load_run.stop)
            thread = threading.Thread(target=load_run.run, name="play", daemon=True)
            thread.start()
            try:
                yield from load_run.progress()
            finally:
                load_run.stop()
                thread.join()
            load_run.raise_trouble()
            if load_run.generator is not None:
                yield from report.closing(load_run.generator, stopped=_was_stopped(load_run.generator))


def _was_stopped(generator: LoadGenerator) -> bool:
    """Whether batches were left out at the end."""
    return not bool(generator.account.was_sent.all())


def _refusal(fault: SourceFault) -> Refused:
    code = grpc.StatusCode.NOT_FOUND if fault.reason == "NO_FILE" else grpc.StatusCode.INVALID_ARGUMENT
    return Refused(code, fault.reason, str(fault))
