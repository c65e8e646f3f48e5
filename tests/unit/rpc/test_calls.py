"""What a client of a service promises: a deadline, patience, one channel, every page; shown on real servers."""

import threading
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from typing import Any, Final

import grpc
import pytest

from lab.errors import LabError, Unavailable, UsageFault
from lab.rpc.calls import MAX_PAGES, PAGE_ROWS, ServiceClient
from lab.rpc.channels import plaintext
from services.contracts.generated.lab.process.v1 import process_pb2 as pb
from tests.grpc_server import served
from tests.programs import free_port

SERVICE: Final = "test.v1.Test"
METHOD: Final = f"/{SERVICE}/Call"
WAIT_S: Final = 30.0
Handle = Callable[[bytes, grpc.ServicerContext], bytes]


def echo(request: bytes, _context: grpc.ServicerContext) -> bytes:
    """Answer with the request."""
    return request


def refuse(_request: bytes, context: grpc.ServicerContext) -> bytes:
    """Refuse the request."""
    context.abort(grpc.StatusCode.INVALID_ARGUMENT, "no such run")


def stall(_request: bytes, context: grpc.ServicerContext) -> bytes:
    """Answer only after the caller has gone."""
    gone = threading.Event()
    if context.add_callback(gone.set):
        gone.wait(WAIT_S)
    return b""


@contextmanager
def serving(handle: Handle, port: int = 0) -> Iterator[str]:
    """Serve one method; yield host:port."""
    methods: dict[str, Any] = {"Call": grpc.unary_unary_rpc_method_handler(handle)}
    with served(SERVICE, methods, ThreadPoolExecutor(1), port=port) as address:
        yield address


def ask(client: ServiceClient, request: bytes = b"") -> bytes:
    """Call that method."""
    method: Any = client.channel.unary_unary(METHOD)
    answer: bytes = client.call(method, request, attempted="cannot ask")
    return answer


def test_a_call_returns_the_answer() -> None:
    """As the service sent it."""
    with serving(echo) as address, closing(ServiceClient(address)) as client:
        assert ask(client, b"request") == b"request"


def test_a_refusal_is_an_error_of_the_lab_and_keeps_its_cause() -> None:
    """No caller has to know gRPC."""
    with serving(refuse) as address, closing(ServiceClient(address)) as client, pytest.raises(UsageFault) as refused:
        ask(client)
    assert (refused.value.attempted, refused.value.found) == ("cannot ask", "no such run")
    assert isinstance(refused.value.__cause__, grpc.RpcError)


def test_a_service_that_does_not_answer_is_left_at_the_deadline() -> None:
    """The error names the service, the seconds and a next step."""
    with (
        serving(stall) as address,
        closing(ServiceClient(address, deadline_s=0.2)) as client,
        pytest.raises(Unavailable) as late,
    ):
        ask(client)
    assert late.value.reason == "DEADLINE_EXCEEDED"
    assert late.value.found == f"{address}: no answer within 0.2 s (DEADLINE_EXCEEDED)"
    assert late.value.next_step == "lab diagnose"


def test_a_service_is_told_the_deadline_of_its_caller() -> None:
    """It can then give up what nobody waits for."""
    remaining_s: list[float] = []

    def note(request: bytes, context: grpc.ServicerContext) -> bytes:
        remaining_s.append(context.time_remaining())
        return request

    with serving(note) as address, closing(ServiceClient(address, deadline_s=1_000.0)) as client:
        ask(client)
    assert 900 < remaining_s[0] < 1_100


def test_a_service_that_is_not_there_is_waited_for_until_the_deadline() -> None:
    """The error says for how long."""
    address = f"127.0.0.1:{free_port()}"
    with closing(ServiceClient(address, deadline_s=0.2)) as client, pytest.raises(Unavailable) as missing:
        ask(client)
    assert missing.value.reason == "DEADLINE_EXCEEDED"
    assert f"{address}: no answer within 0.2 s" in missing.value.found


def test_a_service_that_is_being_restarted_is_waited_for() -> None:
    """A call that begins while nobody listens is answered once the service is back."""
    port, refused = free_port(), threading.Event()

    def notice(state: grpc.ChannelConnectivity) -> None:
        if state is grpc.ChannelConnectivity.TRANSIENT_FAILURE:
            refused.set()

    with closing(ServiceClient(f"127.0.0.1:{port}", deadline_s=WAIT_S)) as client, ThreadPoolExecutor(1) as caller:
        client.channel.subscribe(notice, try_to_connect=True)
        assert refused.wait(WAIT_S)
        answer = caller.submit(ask, client, b"request")
        with serving(echo, port):
            assert answer.result(WAIT_S) == b"request"


def test_a_client_holds_one_channel_until_it_is_closed() -> None:
    """A client that was closed may be closed and used again; the next use opens another channel."""
    channels: list[grpc.Channel] = []

    def connect(address: str) -> grpc.Channel:
        channels.append(plaintext(address))
        return channels[-1]

    with serving(echo) as address, closing(ServiceClient(address, connect=connect)) as client:
        client.close()
        assert ask(client, b"1") + ask(client, b"2") == b"12"
        assert len(channels) == 1
        first: Any = channels[0].unary_unary(METHOD)
        client.close()
        client.close()
        with pytest.raises(ValueError, match="closed channel"):
            first(b"", timeout=WAIT_S)
        assert ask(client, b"3") == b"3"
        assert len(channels) == 2


def test_every_page_is_asked_for_by_the_token_of_the_page_before() -> None:
    """The first page has no token, and the last page names none."""
    asked_for: list[tuple[int, str]] = []
    following = {"": "a", "a": "b", "b": ""}

    def list_page(request: pb.ListDeadLettersRequest, _context: grpc.ServicerContext) -> pb.ListDeadLettersResponse:
        asked_for.append((request.page_size, request.page_token))
        return pb.ListDeadLettersResponse(next_page_token=following[request.page_token])

    methods = {
        "Call": grpc.unary_unary_rpc_method_handler(
            list_page,
            request_deserializer=pb.ListDeadLettersRequest.FromString,
            response_serializer=pb.ListDeadLettersResponse.SerializeToString,
        )
    }
    with served(SERVICE, methods, ThreadPoolExecutor(1)) as address, closing(ServiceClient(address)) as client:
        method: Any = client.channel.unary_unary(
            METHOD,
            request_serializer=pb.ListDeadLettersRequest.SerializeToString,
            response_deserializer=pb.ListDeadLettersResponse.FromString,
        )
        pages: list[pb.ListDeadLettersResponse] = [
            *client.pages(method, pb.ListDeadLettersRequest(), attempted="cannot list")
        ]
    assert asked_for == [(PAGE_ROWS, ""), (PAGE_ROWS, "a"), (PAGE_ROWS, "b")]
    assert [page.next_page_token for page in pages] == ["a", "b", ""]


def test_pages_that_do_not_end_are_an_error_with_a_next_step() -> None:
    """A service that repeats itself would keep its caller for ever."""
    calls: list[str] = []

    def repeat(request: pb.ListDeadLettersRequest, **_options: object) -> pb.ListDeadLettersResponse:
        calls.append(request.page_token)
        return pb.ListDeadLettersResponse(next_page_token="again")

    pages = ServiceClient("127.0.0.1:1").pages(repeat, pb.ListDeadLettersRequest(), attempted="cannot list")
    with pytest.raises(LabError) as endless:
        deque(pages, maxlen=0)
    assert len(calls) == MAX_PAGES
    assert endless.value.reason == "ENDLESS"
    assert str(endless.value).splitlines() == ["cannot list", "  more than 10,000 pages", "  do: lab diagnose"]
