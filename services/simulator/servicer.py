"""Serves load runs, one at a time, and takes files to replay."""

import asyncio
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from typing import Any, Final

import grpc
import grpc.aio

from services.contracts.generated.lab.ingest.v1.ingest_pb2 import AppendResponse
from services.contracts.generated.lab.simulator.v1 import simulator_pb2 as pb
from services.contracts.generated.lab.simulator.v1.simulator_pb2_grpc import SimulatorServiceServicer
from services.serving.channel import call_metadata, open_aio_channel
from services.serving.program import Context
from services.serving.status import Refused
from services.simulator import report, sources
from services.simulator.arrivals import Schedule
from services.simulator.generator import METHOD, LoadGenerator, Resources
from services.simulator.request import LoadRequest, read_request
from services.simulator.settings import SimulatorSettings
from services.simulator.source import Source
from services.simulator.uploads import Uploads

SERVICE: Final = "lab.simulator.v1.SimulatorService"
PROGRESS_S: Final = 0.2
LOOK_EVERY_S: Final = 0.02
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
            call: Any = channel.unary_unary(f"/{METHOD}", None, AppendResponse.FromString)
            resources = Resources(
                call,
                call_metadata(settings),
                self.context.instruments,
                self.context.tracing,
                settings.simulator_in_flight,
            )
            self.generator = LoadGenerator(self.request, self.schedule, self.source, resources, stopping=self.stopping)
            await self.generator.run()

    async def _connected(self, channel: grpc.aio.Channel) -> None:
        """Wait until ingest-api answers. Raises Refused after ten seconds, or when the load run is stopped before.

        The state is asked for: a watch that ends early would outlive this event loop, and disturb the next load run.
        """
        end_s = time.monotonic() + CONNECT_S
        while channel.get_state(try_to_connect=True) is not grpc.ChannelConnectivity.READY:
            if self.stopping.is_set() or time.monotonic() > end_s:
                message = f"ingest-api {self.request.ingest_address} does not answer"
                raise Refused(grpc.StatusCode.UNAVAILABLE, "INGEST_UNREACHABLE", message)
            await asyncio.sleep(LOOK_EVERY_S)

    def stop(self) -> None:
        """End the load. The batches under way are waited for."""
        self.stopping.set()

    def progress(self) -> Iterator[pb.RunLoadResponse]:
        """Yield the progress every fifth of a second, until the load run is over."""
        while not self.over.wait(PROGRESS_S):
            if self.context.stopping.is_set():
                self.stop()
            generator = self.generator
            if generator is not None and generator.started_unix_ns:
                yield pb.RunLoadResponse(
                    progress=report.progress(generator, time.time_ns() - generator.started_unix_ns)
                )

    def raise_error(self) -> None:
        """Raise the error that ended the load run, if there is one."""
        error = self.error
        while isinstance(error, BaseExceptionGroup):
            error = error.exceptions[0]
        if error is not None:
            raise error


class SimulatorServicer(SimulatorServiceServicer):
    """`lab.simulator.v1.SimulatorService`."""

    def __init__(self, context: Context[SimulatorSettings]) -> None:
        self._context = context
        self._busy = threading.Lock()
        self._load_run: LoadRun | None = None
        self._uploads = Uploads()

    def RunLoad(self, request: pb.RunLoadRequest, context: grpc.ServicerContext) -> Iterator[pb.RunLoadResponse]:  # noqa: N802  the names are the proto's
        """Generate one load. Yield what was understood of a file, progress, then the report."""
        load_request = read_request(request)
        if not self._busy.acquire(blocking=False):
            message = "a load run is under way; two at once would measure each other"
            raise Refused(grpc.StatusCode.FAILED_PRECONDITION, "BUSY", message)
        try:
            yield from self._run_load(request, load_request, context)
        finally:
            self._load_run = None
            self._busy.release()

    def Stop(self, _request: pb.StopRequest, _context: grpc.ServicerContext) -> pb.StopResponse:  # noqa: N802
        """End the load run that is under way."""
        load_run = self._load_run
        if load_run is not None:
            load_run.stop()
        return pb.StopResponse(was_running=load_run is not None)

    def Upload(  # noqa: N802
        self, request_iterator: Iterator[pb.UploadRequest], _context: grpc.ServicerContext
    ) -> pb.UploadResponse:
        """Take a file to replay."""
        if self._busy.locked():
            message = "a load run is under way; taking a file meanwhile would disturb it"
            raise Refused(grpc.StatusCode.FAILED_PRECONDITION, "BUSY", message)
        return pb.UploadResponse(path=str(self._uploads.receive(request_iterator)))

    def close(self) -> None:
        """Remove a file that was sent and not replayed."""
        self._uploads.close()

    def _run_load(
        self, request: pb.RunLoadRequest, load_request: LoadRequest, context: grpc.ServicerContext
    ) -> Iterator[pb.RunLoadResponse]:
        try:
            prepared = sources.prepare(request)
        finally:
            # The file has been read whole, or cannot be read.
            self._uploads.forget(request.replay.path)
        with closing(prepared.source):
            if prepared.source.description:
                yield pb.RunLoadResponse(file=prepared.source.description)
            load_request = replace(load_request, window_ns=prepared.window_ns or load_request.window_ns)
            load_run = LoadRun(self._context, load_request, prepared.schedule, prepared.source)
            self._load_run = load_run
            context.add_callback(load_run.stop)
            thread = threading.Thread(target=load_run.run, name="load-run", daemon=True)
            thread.start()
            try:
                yield from load_run.progress()
            finally:
                load_run.stop()
                thread.join()
            load_run.raise_error()
            if load_run.generator is not None:
                yield from report.results(load_run.generator)
