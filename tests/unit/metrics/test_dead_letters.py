"""Dead letters are listed page by page and replayed by their ids, through a real server."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Final

import grpc
import pytest

from lab.errors import LabError
from lab.metrics.dead_letters import DeadLetter, DeadLetters
from lab.rpc.channels import plaintext
from services.contracts.generated.lab.process.v1 import process_pb2 as pb
from services.contracts.generated.lab.process.v1.process_pb2_grpc import ProcessServiceStub
from tests.grpc_server import served

SERVICE: Final = "lab.process.v1.ProcessService"
FIRST: Final = pb.DeadLetter(id="1-0", run="r", entry_id="7-0", index=3, reason="killed", event_count=1, payload=b"p")
SECOND: Final = pb.DeadLetter(id="2-0", run="r", entry_id="8-0", index=-1, reason="undecodable", event_count=20)


class Worker:
    """Lists two dead letters, each on a page of its own, and keeps the ids that it is to replay."""

    def __init__(self) -> None:
        self.replayed: list[list[str]] = []

    def list(self, request: pb.ListDeadLettersRequest, _context: grpc.ServicerContext) -> pb.ListDeadLettersResponse:
        """Return a page."""
        if request.page_token:
            return pb.ListDeadLettersResponse(dead_letters=[SECOND])
        return pb.ListDeadLettersResponse(dead_letters=[FIRST], next_page_token="next")

    def replay(
        self, request: pb.ReplayDeadLettersRequest, context: grpc.ServicerContext
    ) -> pb.ReplayDeadLettersResponse:
        """Put them back, unless their id is unknown."""
        if "9-9" in request.ids:
            context.abort(grpc.StatusCode.NOT_FOUND, "no letter 9-9")
        self.replayed.append([*request.ids])
        return pb.ReplayDeadLettersResponse(replayed_events=21)


@contextmanager
def serving(worker: Worker) -> Iterator[str]:
    """Serve that worker; yield host:port."""
    methods = {
        "ListDeadLetters": grpc.unary_unary_rpc_method_handler(
            worker.list,
            request_deserializer=pb.ListDeadLettersRequest.FromString,
            response_serializer=pb.ListDeadLettersResponse.SerializeToString,
        ),
        "ReplayDeadLetters": grpc.unary_unary_rpc_method_handler(
            worker.replay,
            request_deserializer=pb.ReplayDeadLettersRequest.FromString,
            response_serializer=pb.ReplayDeadLettersResponse.SerializeToString,
        ),
    }
    with served(SERVICE, methods, ThreadPoolExecutor(1)) as address:
        yield address


def test_the_letters_of_all_pages_are_listed_in_their_order() -> None:
    """Without their payload."""
    with serving(Worker()) as address:
        letters = DeadLetters(address).list()
    assert letters == (
        DeadLetter("1-0", "r", "7-0", 3, "killed", 1),
        DeadLetter("2-0", "r", "8-0", -1, "undecodable", 20),
    )


def test_letters_are_replayed_by_their_ids() -> None:
    """No id means all of them."""
    worker = Worker()
    with serving(worker) as address:
        letters = DeadLetters(address)
        assert (letters.replay(["2-0", "1-0"]), letters.replay()) == (21, 21)
    assert worker.replayed == [["2-0", "1-0"], []]


def test_a_letter_that_the_worker_does_not_know_is_an_error() -> None:
    """The worker's sentence is kept."""
    with serving(Worker()) as address, pytest.raises(LabError, match="cannot replay dead letters") as refused:
        DeadLetters(address).replay(["9-9"])
    assert refused.value.found == f"{address}: no letter 9-9 (NOT_FOUND)"


@pytest.mark.parametrize("use", [DeadLetters.list, DeadLetters.replay])
def test_no_channel_stays_open(use: Callable[[DeadLetters], object]) -> None:
    """Nobody closes dead letters."""
    channels: list[grpc.Channel] = []

    def connect(address: str) -> grpc.Channel:
        channels.append(plaintext(address))
        return channels[-1]

    with serving(Worker()) as address:
        use(DeadLetters(address, connect=connect))
    [channel] = channels
    with pytest.raises(ValueError, match="closed channel"):
        ProcessServiceStub(channel).ListDeadLetters(pb.ListDeadLettersRequest())
