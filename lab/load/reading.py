"""Reads the report of a load run on a thread of its own."""

from __future__ import annotations

import threading
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Self

from lab.errors import InternalFault
from lab.load.messages import Report

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import TracebackType
    from typing import Protocol

    from lab.load.port import Progress
    from lab.model import LoadRun
    from services.contracts.generated.lab.simulator.v1.simulator_pb2 import RunLoadResponse

    class Call(Protocol):
        """The part of a streaming call that reading needs."""

        def __iter__(self) -> Iterator[RunLoadResponse]:
            """Receive the next part."""

        def cancel(self) -> object:
            """End the call."""


class Reading:
    """The report of a load run while it is read; a context that ends the call.

    Ctrl-C raises KeyboardInterrupt wherever the main thread is. Inside of gRPC that leaves a receive pending, and every
    later receive on the call fails ("Internal gRPC call error 8"). So the main thread never receives.

    Args:
        call: The call whose parts are the report.
    """

    def __init__(self, call: Call) -> None:
        self._call, self._report = call, Report()
        self._news: SimpleQueue[Progress | str | None] = SimpleQueue()
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._read, name="load-report", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._call.cancel()
        self._thread.join()

    @property
    def is_over(self) -> bool:
        """Whether the report is complete, or cannot be read any further."""
        return not self._thread.is_alive()

    def news(self, *, within_s: float) -> Progress | str | None:
        """Return the next progress, or what was understood of a file; None where none arrives in time, or none will."""
        try:
            return self._news.get(timeout=within_s)
        except Empty:
            return None

    def load_run(self) -> LoadRun:
        """Return the whole report.

        Raises:
            grpc.RpcError: The call failed.
            InternalFault: The call ended without a result.
        """
        if self._error is not None:
            raise self._error
        if self._report.result is None:
            ended = "the simulator ended its report early"
            raise InternalFault("the load run has no result", found=ended, code="NO_RESULT")
        return self._report.load_run(self._report.result)

    def _read(self) -> None:
        try:
            for part in self._call:
                news = self._report.take(part)
                if news is not None:
                    self._news.put(news)
        except BaseException as error:  # noqa: BLE001  the waiting thread raises it
            self._error = error
        finally:
            self._news.put(None)
