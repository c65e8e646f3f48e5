"""The load generator of a stack: the simulator service."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING, Final

import grpc

from lab.errors import LabError, Unavailable
from lab.load import upload
from lab.load.messages import run_load_request
from lab.load.port import ignore_file, never
from lab.load.reading import Reading
from lab.rpc.channels import plaintext
from lab.rpc.errors import translated
from services.contracts.generated.lab.simulator.v1 import simulator_pb2 as pb
from services.contracts.generated.lab.simulator.v1.simulator_pb2_grpc import SimulatorServiceStub

if TYPE_CHECKING:
    from collections.abc import Callable

    from lab.load.port import LoadOrder, Progress
    from lab.model import LoadRun
    from lab.rpc.channels import Connect

GRACE_S: Final = 120.0
"""Beyond the duration: to read a large file at the beginning, to send the producer ledger at the end."""
STOP_DEADLINE_S: Final = 10.0
POLL_S: Final = 0.1
"""Seconds between two looks at whether the load run shall end."""


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

    def run(
        self,
        order: LoadOrder,
        on_progress: Callable[[Progress], None],
        *,
        on_file: Callable[[str], None] = ignore_file,
        hurried: Callable[[], bool] = never,
    ) -> LoadRun:
        """See `LoadGenerator.run`.

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
                reading = cleanup.enter_context(Reading(call))
                self._await_end(reading, on_progress, on_file, hurried)
                return reading.load_run()
            except grpc.RpcError as error:
                raise self._fault(error) from error

    def stop(self) -> bool:
        """End the load run that is under way; `run` then returns the report of what happened so far.

        Returns:
            Whether a load run was under way; a simulator that still reads the file to replay has none yet.
        """
        with self._connect(self._address) as channel:
            try:
                return bool(SimulatorServiceStub(channel).Stop(pb.StopRequest(), timeout=STOP_DEADLINE_S).was_running)
            except grpc.RpcError as error:
                raise self._fault(error) from error

    def _await_end(
        self,
        reading: Reading,
        on_progress: Callable[[Progress], None],
        on_file: Callable[[str], None],
        hurried: Callable[[], bool],
    ) -> None:
        """Show the progress until the report is read; an interrupt ends the load run, the next one is raised."""
        is_hurried = is_stopped = False
        while not reading.is_over:
            try:
                news = reading.news(within_s=POLL_S)
                if isinstance(news, str):
                    on_file(news)
                elif news is not None:
                    on_progress(news)
                is_hurried = is_hurried or hurried()
            except KeyboardInterrupt:
                if is_hurried:
                    raise
                is_hurried = True
            if is_hurried and not is_stopped:
                is_stopped = self._has_stopped()

    def _has_stopped(self) -> bool:
        """Stop the load run; return False where it must be tried again, for example because the simulator is paused."""
        try:
            return self.stop()
        except Unavailable:
            return False

    def _fault(self, error: grpc.RpcError) -> LabError:
        return translated(
            error,
            attempted="cannot carry out this load run",
            service=f"simulator {self._address}",
            next_step="lab logs simulator",
            otherwise=Unavailable,
        )
