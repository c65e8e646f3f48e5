"""Dead letters of a stack, listed or replayed through a worker."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING, NamedTuple

from lab.rpc.calls import ServiceClient
from lab.rpc.channels import plaintext
from services.contracts.generated.lab.process.v1 import process_pb2 as pb
from services.contracts.generated.lab.process.v1.process_pb2_grpc import ProcessServiceStub

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from lab.rpc.channels import Connect


class DeadLetter(NamedTuple):
    """One dead-lettered event, or one batch that could not be decoded.

    Attributes:
        letter_id: Id of the letter, for `replay`.
        run: Run of its events.
        entry_id: Entry of the stream that held its events.
        position: Position of the event in its entry; -1 for a whole entry.
        reason: Why its events were dead-lettered.
        events: Number of its events.
    """

    letter_id: str
    run: str
    entry_id: str
    position: int
    reason: str
    events: int


class DeadLetters:
    """Lists and replays dead letters through one process-worker; each method opens a channel and closes it.

    Args:
        address: host:port of the worker.
        connect: Opens a channel to an address; plaintext unless given.
    """

    def __init__(self, address: str, *, connect: Connect = plaintext) -> None:
        self._client = ServiceClient(address, connect=connect)

    def list(self) -> Sequence[DeadLetter]:
        """Return every dead letter, the oldest first.

        Raises:
            LabError: The worker does not answer, or refuses.
        """
        with closing(self._client) as client:
            stub, request = ProcessServiceStub(client.channel), pb.ListDeadLettersRequest()
            pages: Iterator[pb.ListDeadLettersResponse] = client.pages(
                stub.ListDeadLetters, request, attempted="cannot list dead letters"
            )
            return tuple(
                DeadLetter(letter.id, letter.run, letter.entry_id, letter.index, letter.reason, letter.event_count)
                for page in pages
                for letter in page.dead_letters
            )

    def replay(self, letter_ids: Sequence[str] = ()) -> int:
        """Put dead letters back into the stream; all of them where no id is given.

        Returns:
            The number of events that were put back.

        Raises:
            LabError: The worker does not answer, or knows no such letter.
        """
        with closing(self._client) as client:
            response: pb.ReplayDeadLettersResponse = client.call(
                ProcessServiceStub(client.channel).ReplayDeadLetters,
                pb.ReplayDeadLettersRequest(ids=letter_ids),
                attempted="cannot replay dead letters",
            )
        return response.replayed_events
