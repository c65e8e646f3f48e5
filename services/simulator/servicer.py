"""Answers the calls of the simulator: load runs, one at a time, with the files that they replay."""

import threading
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from typing import Final

import grpc

from services.contracts.generated.lab.simulator.v1 import simulator_pb2 as pb
from services.contracts.generated.lab.simulator.v1.simulator_pb2_grpc import SimulatorServiceServicer
from services.serving.program import Context
from services.serving.status import Refused
from services.simulator import report, sources
from services.simulator.load_run import LoadRun
from services.simulator.request import LoadRequest, read_request
from services.simulator.settings import SimulatorSettings
from services.simulator.uploads import Uploads

SERVICE: Final = "lab.simulator.v1.SimulatorService"


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
            message = "a load run is under way, and two at once would measure each other; wait for its end, or stop it"
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
            message = "a load run is under way, and taking a file would disturb it; wait for its end, or stop it"
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
            # Nobody waits for the outcomes any more when the caller is gone.
            context.add_callback(lambda: load_run.stop(within_s=0.0))
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
