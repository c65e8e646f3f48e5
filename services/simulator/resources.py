"""Names what a load generator works with: its connection to ingest-api, its telemetry."""

from collections.abc import Awaitable
from dataclasses import dataclass
from typing import Protocol

from services.contracts.generated.lab.ingest.v1.ingest_pb2 import AppendResponse
from services.telemetry.instruments import Instruments
from services.telemetry.tracing import Tracing

Metadata = tuple[tuple[str, str], ...]


class Send(Protocol):
    """Sends one request to ingest-api."""

    def __call__(self, request: bytes, /, *, timeout: float, metadata: Metadata) -> Awaitable[AppendResponse]:
        """Return the answer, once it is there.

        Args:
            request: An `AppendRequest`, as bytes.
            timeout: Seconds.
            metadata: Metadata of the call.

        Raises:
            AioRpcError: The call failed.
        """


@dataclass(frozen=True, slots=True)
class Resources:
    """Connection and telemetry of a load generator.

    Attributes:
        send: Sends one request to ingest-api.
        metadata: Metadata of every call.
        instruments: Instruments of the simulator.
        tracing: Tracing of the simulator.
        in_flight: Most batches under way at once.
    """

    send: Send
    metadata: Metadata
    instruments: Instruments
    tracing: Tracing
    in_flight: int
