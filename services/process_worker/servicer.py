"""Lists and replays dead letters."""

import re
from collections.abc import Iterator
from typing import Final

import grpc

from services.contracts.generated.lab.process.v1 import process_pb2 as pb
from services.contracts.generated.lab.process.v1.process_pb2_grpc import ProcessServiceServicer
from services.contracts.limits import MAX_PAGE_ROWS
from services.ledger.records import DeadLetter
from services.ledger.redis_ledger import RedisLedger
from services.serving.invalid import InvalidRequest
from services.serving.paging import page_size

SERVICE: Final = "lab.process.v1.ProcessService"
DEFAULT_PAGE: Final = 100
REPLAY_PAGE: Final = 1_000
ID: Final = re.compile("[0-9]{1,18}-[0-9]{1,18}")
"""Milliseconds and a number, as the store makes them. Both stay below 2^63."""


class ProcessServicer(ProcessServiceServicer):
    """`lab.process.v1.ProcessService`."""

    def __init__(self, ledger: RedisLedger) -> None:
        self._ledger = ledger

    def ListDeadLetters(  # noqa: N802  the names are the proto's
        self, request: pb.ListDeadLettersRequest, _context: grpc.ServicerContext
    ) -> pb.ListDeadLettersResponse:
        """List one page of dead letters, the oldest first."""
        if request.page_token:
            _check_id("page_token", request.page_token)
        size = page_size(request.page_size, default=DEFAULT_PAGE)
        letters = self._ledger.dead_letters(after=request.page_token, count=size)
        return pb.ListDeadLettersResponse(
            dead_letters=[_message(letter) for letter in letters],
            next_page_token=letters[-1].dead_id if len(letters) == size else "",
        )

    def ReplayDeadLetters(  # noqa: N802
        self, request: pb.ReplayDeadLettersRequest, _context: grpc.ServicerContext
    ) -> pb.ReplayDeadLettersResponse:
        """Put dead letters back into the stream: those that the request names, or all."""
        if len(request.ids) > MAX_PAGE_ROWS:
            raise InvalidRequest("BAD_RANGE", "ids", f"{len(request.ids):,}, limit {MAX_PAGE_ROWS:,}")
        for number, dead_id in enumerate(request.ids):
            _check_id(f"ids[{number}]", dead_id)
        ids = list(request.ids) or [letter.dead_id for letter in self._all_letters()]
        return pb.ReplayDeadLettersResponse(replayed_events=sum(self._ledger.requeue(dead_id) for dead_id in ids))

    def _all_letters(self) -> Iterator[DeadLetter]:
        after = ""
        while page := self._ledger.dead_letters(after=after, count=REPLAY_PAGE):
            yield from page
            after = page[-1].dead_id


def _check_id(field: str, dead_id: str) -> None:
    """Refuse what cannot be the id of a dead letter. The store would answer it with an error of its own."""
    if not ID.fullmatch(dead_id):
        raise InvalidRequest("BAD_DEAD_LETTER_ID", field, f"{dead_id[:40]!r} is no id, such as 1700000000000-0")


def _message(letter: DeadLetter) -> pb.DeadLetter:
    return pb.DeadLetter(
        id=letter.dead_id,
        run=letter.run,
        entry_id=letter.entry_id,
        index=letter.index,
        reason=letter.reason,
        event_count=letter.events,
        payload=letter.payload,
    )
