"""Events that were set aside, listed or put back through a worker."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from lab.rpc import calls
from lab.rpc.channels import plaintext

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lab.rpc.channels import Connect
    from services.contracts.generated.lab.process.v1.process_pb2 import (
        ListDeadLettersResponse,
        ReplayDeadLettersResponse,
    )


class DeadLetter(NamedTuple):
    """One event, or one batch that could not be decoded, that was set aside.

    Attributes:
        letter_id: What `replay` takes.
        run: The run it belongs to.
        entry_id: The entry of the stream it came in.
        position: Of the event in its entry; -1 for a whole entry.
        reason: Why.
        events: How many events it holds.
    """

    letter_id: str
    run: str
    entry_id: str
    position: int
    reason: str
    events: int


class DeadLetters:
    """Asks one process-worker.

    Args:
        address: Its host:port.
        connect: How a channel to an address is made; plaintext unless given.
        deadline_s: How long one answer may take, a restart of the service included.
    """

    def __init__(
        self,
        address: str,
        *,
        connect: Connect = plaintext,
        deadline_s: float = calls.DEADLINE_S,
    ) -> None:
        self._address, self._connect, self._deadline_s = address, connect, deadline_s

    def list(self) -> Sequence[DeadLetter]:
        """Every dead letter, oldest first.

        Raises:
            LabError: The worker cannot be asked.
        """
        from services.contracts.generated.lab.process.v1 import process_pb2, process_pb2_grpc  # noqa: PLC0415 - heavy

        attempted = "cannot list dead letters"
        with self._connect(self._address) as channel:
            stub = process_pb2_grpc.ProcessServiceStub(channel)

            def ask(token: str) -> ListDeadLettersResponse:
                request = process_pb2.ListDeadLettersRequest(page_size=calls.PAGE_ROWS, page_token=token)
                answer: ListDeadLettersResponse = calls.call(
                    stub.ListDeadLetters,
                    request,
                    attempted=attempted,
                    address=self._address,
                    deadline_s=self._deadline_s,
                )
                return answer

            return tuple(
                DeadLetter(one.id, one.run, one.entry_id, one.index, one.reason, one.event_count)
                for page in calls.pages(ask, attempted=attempted)
                for one in page.dead_letters
            )

    def replay(self, letter_ids: Sequence[str] = ()) -> int:
        """Put dead letters back into the stream, all of them where none is named; how many events that are.

        Raises:
            LabError: The worker cannot be asked, or knows no such letter.
        """
        from services.contracts.generated.lab.process.v1 import process_pb2, process_pb2_grpc  # noqa: PLC0415 - heavy

        with self._connect(self._address) as channel:
            answer: ReplayDeadLettersResponse = calls.call(
                process_pb2_grpc.ProcessServiceStub(channel).ReplayDeadLetters,
                process_pb2.ReplayDeadLettersRequest(ids=letter_ids),
                attempted="cannot replay dead letters",
                address=self._address,
                deadline_s=self._deadline_s,
            )
        return answer.replayed_events
