"""Dead letters of a stack, listed or replayed through a worker."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from lab.rpc import calls
from services.contracts.generated.lab.process.v1 import process_pb2 as pb
from services.contracts.generated.lab.process.v1.process_pb2_grpc import ProcessServiceStub

if TYPE_CHECKING:
    from collections.abc import Sequence


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


class DeadLetters(calls.ServiceClient):
    """Lists and replays dead letters through one process-worker."""

    def list(self) -> Sequence[DeadLetter]:
        """Return every dead letter, the oldest first.

        Raises:
            LabError: The worker does not answer, or refuses.
        """
        attempted = "cannot list dead letters"
        with self._connect(self._address) as channel:
            stub = ProcessServiceStub(channel)

            def page_at(token: str) -> pb.ListDeadLettersResponse:
                request = pb.ListDeadLettersRequest(page_size=calls.PAGE_ROWS, page_token=token)
                page: pb.ListDeadLettersResponse = self._call(stub.ListDeadLetters, request, attempted=attempted)
                return page

            return tuple(
                DeadLetter(letter.id, letter.run, letter.entry_id, letter.index, letter.reason, letter.event_count)
                for page in calls.pages(page_at, attempted=attempted)
                for letter in page.dead_letters
            )

    def replay(self, letter_ids: Sequence[str] = ()) -> int:
        """Put dead letters back into the stream; all of them where no id is given.

        Returns:
            The number of events that were put back.

        Raises:
            LabError: The worker does not answer, or knows no such letter.
        """
        with self._connect(self._address) as channel:
            response: pb.ReplayDeadLettersResponse = self._call(
                ProcessServiceStub(channel).ReplayDeadLetters,
                pb.ReplayDeadLettersRequest(ids=letter_ids),
                attempted="cannot replay dead letters",
            )
        return response.replayed_events
