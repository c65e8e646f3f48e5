"""Load played by the simulator service."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING, Final

from lab.errors import DataFault, InternalFault, LabError, Unavailable, UsageFault
from lab.rpc.channels import plaintext

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import grpc

    from lab.load.port import LoadOrder, Progress
    from lab.model import LoadRun
    from lab.rpc.channels import Connect
    from services.contracts.generated.lab.simulator.v1.simulator_pb2 import RunLoadResponse

GRACE_S: Final = 120.0
"""Beyond the duration: for reading a large file at the beginning, for the last answers and the journal at the end."""
STOP_DEADLINE_S: Final = 10.0
ABOUT_DATA: Final = ("FILE", "ROW", "COLUMN", "DATA", "TIMES", "PATH")
"""Words in the reasons of refusals that are the file's fault, not the call's."""


class SimulatorLoad:
    """Asks one simulator to play; satisfies `LoadGenerator`.

    Args:
        address: Its host:port.
        ingest_address: Where it sends events to, host:port.
        connect: How a channel to an address is made; plaintext unless given.
        uploads: Whether a file to replay is sent to it, since it cannot open this machine's.
    """

    def __init__(
        self, address: str, *, ingest_address: str, connect: Connect = plaintext, uploads: bool = False
    ) -> None:
        self._address, self._ingest_address, self._connect = address, ingest_address, connect
        self._uploads = uploads

    def run(self, order: LoadOrder, on_progress: Callable[[Progress], None]) -> LoadRun:
        """Play to the end and report; Ctrl-C ends the load, and what happened so far is reported.

        Raises:
            UsageFault: The load makes no sense.
            DataFault: The file to replay cannot be read, or is too large to be sent.
            Unavailable: The simulator does not answer, or died.
        """
        import grpc  # noqa: PLC0415 - heavy

        from lab.load import upload  # noqa: PLC0415 - heavy
        from lab.load.messages import run_load_request  # noqa: PLC0415 - heavy
        from services.contracts.generated.lab.simulator.v1 import simulator_pb2_grpc  # noqa: PLC0415 - heavy

        request = run_load_request(order, ingest_address=self._ingest_address)
        path = request.replay.path if self._uploads else ""
        content = upload.content_of(path) if path else b""
        with self._connect(self._address) as channel, ExitStack() as call_over:
            stub = simulator_pb2_grpc.SimulatorServiceStub(channel)
            try:
                if path:
                    # By the same channel as the play, since of several simulators one alone has the file then.
                    request.replay.path = upload.send(stub, path, content)
                call = stub.RunLoad(request, timeout=order.duration_s + order.deadline_ms / 1_000 + GRACE_S)
                call_over.callback(call.cancel)
                return self._report(call, on_progress)
            except grpc.RpcError as error:
                raise self._fault(error) from error

    def stop(self) -> None:
        """End the load that is playing; its `play` then returns what happened so far."""
        import grpc  # noqa: PLC0415 - heavy

        from services.contracts.generated.lab.simulator.v1 import simulator_pb2, simulator_pb2_grpc  # noqa: PLC0415

        with self._connect(self._address) as channel:
            stub = simulator_pb2_grpc.SimulatorServiceStub(channel)
            try:
                stub.Stop(simulator_pb2.StopRequest(), timeout=STOP_DEADLINE_S)
            except grpc.RpcError as error:
                raise self._fault(error) from error

    def _report(self, call: Iterator[RunLoadResponse], on_progress: Callable[[Progress], None]) -> LoadRun:
        """Read the whole report; the first Ctrl-C only stops the load, a second one goes through."""
        from lab.load.messages import Report  # noqa: PLC0415 - heavy

        report, stopped = Report(), False
        while report.result is None:
            try:
                progress = report.take(next(call))
                if progress is not None:
                    on_progress(progress)
            except StopIteration:
                found = "the simulator ended its report early"
                raise InternalFault("the load has no result", found=found, code="NO_RESULT") from None
            except KeyboardInterrupt:
                if stopped:
                    raise
                stopped = True
                self.stop()
        return report.load_run(report.result)

    def _fault(self, error: grpc.RpcError) -> LabError:
        import grpc  # noqa: PLC0415 - heavy

        if not isinstance(error, grpc.Call):
            return InternalFault("cannot play this load", found=str(error))
        reason, said, code = _reason(error), error.details() or "", error.code()
        if code is grpc.StatusCode.INVALID_ARGUMENT:
            kind = DataFault if any(word in reason for word in ABOUT_DATA) else UsageFault
            return kind("cannot play this load", found=said, code=reason)
        found = f"simulator {self._address}: {said} ({code.name})"
        return Unavailable("cannot play this load", found=found, next_step="lab logs simulator", code=reason)


def _reason(error: grpc.Call) -> str:
    """The `reason` of the ErrorInfo that came with a status, else the name of its code."""
    from google.rpc.error_details_pb2 import ErrorInfo  # noqa: PLC0415 - heavy
    from grpc_status import rpc_status  # noqa: PLC0415 - heavy

    status = rpc_status.from_call(error)
    for detail in status.details if status is not None else ():
        info = ErrorInfo()
        if detail.Unpack(info) and info.reason:
            return str(info.reason)
    return str(error.code().name)
