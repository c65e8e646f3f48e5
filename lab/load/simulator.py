"""The load generator of a stack: the simulator service."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING, Final

import grpc

from lab.errors import InternalFault, LabError, Unavailable
from lab.load import upload
from lab.load.messages import Report, run_load_request
from lab.rpc.channels import plaintext
from lab.rpc.errors import translated
from services.contracts.generated.lab.simulator.v1 import simulator_pb2 as pb
from services.contracts.generated.lab.simulator.v1.simulator_pb2_grpc import SimulatorServiceStub

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from lab.load.port import LoadOrder, Progress
    from lab.model import LoadRun
    from lab.rpc.channels import Connect

GRACE_S: Final = 120.0
"""Beyond the duration: to read a large file at the beginning, to send the producer ledger at the end."""
STOP_DEADLINE_S: Final = 10.0


class SimulatorLoad:
    """Orders load runs from one simulator; satisfies `LoadGenerator`.

    Args:
        address: host:port of the simulator.
        ingest_address: Where the simulator sends events, host:port.
        connect: Opens a channel to an address; plaintext unless given.
        uploads: Whether to upload a file to replay, since the simulator cannot open this machine's files.
    """

    def __init__(
        self, address: str, *, ingest_address: str, connect: Connect = plaintext, uploads: bool = False
    ) -> None:
        self._address, self._ingest_address, self._connect = address, ingest_address, connect
        self._uploads = uploads

    def run(self, order: LoadOrder, on_progress: Callable[[Progress], None]) -> LoadRun:
        """Carry out a load run to its end and return its report; Ctrl-C ends the load run, not the report.

        Raises:
            UsageFault: The load makes no sense.
            DataFault: The file to replay cannot be read, or is too large to be uploaded.
            Unavailable: The simulator does not answer, or died.
        """
        request = run_load_request(order, ingest_address=self._ingest_address)
        path = request.replay.path if self._uploads else ""
        content = upload.content_of(path) if path else b""
        with self._connect(self._address) as channel, ExitStack() as cleanup:
            stub = SimulatorServiceStub(channel)
            try:
                if path:
                    # The load run uses the same channel: only the simulator behind that channel has the file.
                    request.replay.path = upload.send(stub, path, content)
                call = stub.RunLoad(request, timeout=order.duration_s + order.deadline_ms / 1_000 + GRACE_S)
                cleanup.callback(call.cancel)
                return self._report(call, on_progress)
            except grpc.RpcError as error:
                raise self._fault(error) from error

    def stop(self) -> None:
        """End the load run that is under way; `run` then returns the report of what happened so far."""
        with self._connect(self._address) as channel:
            try:
                SimulatorServiceStub(channel).Stop(pb.StopRequest(), timeout=STOP_DEADLINE_S)
            except grpc.RpcError as error:
                raise self._fault(error) from error

    def _report(self, call: Iterator[pb.RunLoadResponse], on_progress: Callable[[Progress], None]) -> LoadRun:
        """Read the whole report; the first Ctrl-C only stops the load run, a second one is raised."""
        report, stopped = Report(), False
        while report.result is None:
            try:
                progress = report.take(next(call))
                if progress is not None:
                    on_progress(progress)
            except StopIteration:
                ended = "the simulator ended its report early"
                raise InternalFault("the load run has no result", found=ended, code="NO_RESULT") from None
            except KeyboardInterrupt:
                if stopped:
                    raise
                stopped = True
                self.stop()
        return report.load_run(report.result)

    def _fault(self, error: grpc.RpcError) -> LabError:
        return translated(
            error,
            attempted="cannot carry out this load run",
            service=f"simulator {self._address}",
            next_step="lab logs simulator",
            otherwise=Unavailable,
        )
