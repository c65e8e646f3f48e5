"""What no client of ours would send: it is refused by a status of ours, and the service's log stays quiet."""

import base64
import contextlib
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import grpc
import psutil
import pytest
from google.rpc.error_details_pb2 import ErrorInfo
from grpc_status import rpc_status

from services.contracts.generated.lab.ingest.v1.ingest_pb2 import AppendRequest, AppendStreamRequest
from services.contracts.generated.lab.ingest.v1.ingest_pb2_grpc import IngestServiceStub
from services.contracts.generated.lab.process.v1 import process_pb2
from services.contracts.generated.lab.query.v1 import query_pb2
from services.contracts.generated.lab.simulator.v1 import simulator_pb2
from services.query_api.cache import Key
from services.query_api.paging import token_of
from tests.bench.load import batched_calls
from tests.fuzz.methods import Method, caller, methods
from tests.programs import ready_file, service
from tests.raw_calls import raw_connection

WAIT_S: Final = 20.0
MALFORMED: Final = b"\xff" * 40
QUERY, PROCESS, SIMULATOR = (
    "/lab.query.v1.QueryService/",
    "/lab.process.v1.ProcessService/",
    "/lab.simulator.v1.SimulatorService/",
)

pytestmark = pytest.mark.timeout(90)


class Running:
    """A service, a channel to it, and its log."""

    def __init__(self, ready: dict[str, str], channel: grpc.Channel, log: Path) -> None:
        self.address, self.channel, self._log = ready["grpc"], channel, log
        self._process = psutil.Process(int(ready["pid"]))

    def refusal(self, path: str, request: Any) -> tuple[grpc.StatusCode, str, str]:
        """Return status, reason and message of a call that must be refused."""
        call: Any = self.channel.unary_stream(path)
        with pytest.raises(grpc.RpcError) as refused:
            list(call(request.SerializeToString(), timeout=WAIT_S))
        error: Any = refused.value
        status: Any = rpc_status.from_call(error)
        info = ErrorInfo()
        for detail in status.details if status else ():
            detail.Unpack(info)
        return error.code(), info.reason, error.details()

    def log_lines(self) -> list[str]:
        """Return what was logged beyond the start."""
        return self._log.read_text().splitlines()[1:]

    def memory_mb(self) -> float:
        """Return its resident memory."""
        return float(self._process.memory_info().rss) / 1e6


@contextlib.contextmanager
def running(name: str, folder: Path, store: str, **extra: str) -> Iterator[Running]:
    """Run a service."""
    with service(name, folder, {"LAB_REDIS_URL": store} | extra):
        ready = ready_file(folder, name)
        with grpc.insecure_channel(ready["grpc"]) as channel:
            yield Running(ready, channel, folder / f"{name}.log")


def status_of(method: Method, channel: grpc.Channel, message: bytes) -> str:
    """Return the status of a call with one message."""
    call = caller(method, channel)
    try:
        answer = call(iter([message]) if method.request_streaming else message, timeout=WAIT_S)
        if method.response_streaming:
            list(answer)
    except grpc.RpcError as error:
        return str(error.code().name)
    return "OK"


@pytest.mark.parametrize("name", ["ingest-api", "process-worker", "query-api", "simulator"])
def test_every_method_refuses_a_malformed_message(name: str, store: str, tmp_path: Path) -> None:
    """INVALID_ARGUMENT and not a line in the log. A stream of batches refuses the message and goes on."""
    with running(name, tmp_path, store) as served:
        statuses = {
            method.path: status_of(method, served.channel, MALFORMED) for method in methods() if method.program == name
        }
        goes_on = statuses.pop("/lab.ingest.v1.IngestService/AppendStream", "OK")
        assert (goes_on, set(statuses.values())) == ("OK", {"INVALID_ARGUMENT"}), statuses
        assert served.log_lines() == []


@pytest.mark.parametrize("token", [False, True])
def test_malformed_messages_wear_nothing_out(store: str, tmp_path: Path, *, token: bool) -> None:
    """A connection has 512 places for calls. Three thousand refusals leave them free, and the memory as it was."""
    (tmp_path / "token").write_text("open sesame\n")
    extra = {"LAB_TOKEN_FILE": str(tmp_path / "token")} if token else {}
    refused = "UNAUTHENTICATED" if token else "INVALID_ARGUMENT"
    [get_ledger] = [method for method in methods() if method.path == f"{QUERY}GetLedger"]
    with running("query-api", tmp_path, store, **extra) as served:
        warm = Counter(status_of(get_ledger, served.channel, MALFORMED) for _ in range(600))
        before = served.memory_mb()
        statuses = Counter(status_of(get_ledger, served.channel, MALFORMED) for _ in range(3_000))
        assert warm + statuses == {refused: 3_600}
        assert served.memory_mb() - before < 15
        assert served.log_lines() == []


def token_with(number: object, source: object = "a", kind: object = "b") -> str:
    """Return a page token of the totals of run r with any key."""
    return token_of(("totals", "r"), Key(number, source, kind))  # type: ignore[arg-type]


TOKENS: Final = {
    "nested": base64.urlsafe_b64encode(b"[" * 2_000).decode(),
    "long": "W" * 1_000_000,
    "not ASCII": "é" * 8,
    "a word": base64.urlsafe_b64encode(b'"four"').decode(),
    "infinite": token_with(float("inf")),
    "beyond 64 bits": token_with(2**70),
    "surrogate": token_with(0, "\ud800"),
    "no text": token_with(0, ["a"]),
}


def test_a_page_token_of_any_text_is_refused(store: str, tmp_path: Path) -> None:
    """Also where its digest is right."""
    with running("query-api", tmp_path, store) as served:
        refused = {
            (name, path): served.refusal(f"{QUERY}{path}", kind(run="r", page_token=token))[:2]
            for name, token in TOKENS.items()
            for path, kind in (
                ("ListTotals", query_pb2.ListTotalsRequest),
                ("ListWindows", query_pb2.ListWindowsRequest),
            )
        }
        assert {*refused.values()} == {(grpc.StatusCode.INVALID_ARGUMENT, "BAD_TOKEN")}, refused
        assert served.log_lines() == []


NO_IDS: Final = ("x", "-", "+", "(1-0", "1", "9" * 19 + "-0", "1-" + "9" * 30, "1-0 ", "١-0", "\0", "x" * 5_000)


def test_an_id_that_no_dead_letter_has_is_refused(store: str, tmp_path: Path) -> None:
    """The store would answer such an id with an error of its own."""
    with running("process-worker", tmp_path, store) as served:
        refused = {
            (dead_id, path): served.refusal(f"{PROCESS}{path}", request)[:2]
            for dead_id in NO_IDS
            for path, request in (
                ("ListDeadLetters", process_pb2.ListDeadLettersRequest(page_token=dead_id)),
                ("ReplayDeadLetters", process_pb2.ReplayDeadLettersRequest(ids=["1-0", dead_id])),
            )
        }
        assert {*refused.values()} == {(grpc.StatusCode.INVALID_ARGUMENT, "BAD_DEAD_LETTER_ID")}, refused
        assert served.log_lines() == []


NO_PATHS: Final = (
    "/" + "p" * 5_000 + ".csv",
    "/p" * 2_500 + ".csv",
    "/" + "p" * 256 + ".csv",
    "/a\0b.csv",
    "é" * 5_000,
)


def test_a_path_that_no_system_opens_is_refused(store: str, tmp_path: Path) -> None:
    """The message is short: a status that quotes such a path would be larger than a caller takes."""
    with running("simulator", tmp_path, store) as served:
        for path in NO_PATHS:
            request = simulator_pb2.RunLoadRequest(
                run="r", ingest_address="127.0.0.1:9", replay=simulator_pb2.ReplaySource(path=path)
            )
            request.profile.duration_seconds = 1
            code, reason, message = served.refusal(f"{SIMULATOR}RunLoad", request)
            assert (code, reason) == (grpc.StatusCode.INVALID_ARGUMENT, "BAD_LOAD"), path
            assert len(message) < 700
        assert served.log_lines() == []


def test_a_caller_that_leaves_its_stream_leaves_no_traceback(store: str, tmp_path: Path) -> None:
    """It went away in the middle of a stream, which is no fault of the service."""
    appends = [AppendRequest.FromString(call) for call in batched_calls(2, 1, run="r", producer=b"p" * 16)]
    with running("ingest-api", tmp_path, store) as served:
        stub = IngestServiceStub(served.channel)
        for _ in range(3):
            stream = stub.AppendStream(
                (AppendStreamRequest(append=append) for append in appends * 10_000), timeout=WAIT_S
            )
            next(stream)
            stream.cancel()
        stub.Append(appends[0], timeout=WAIT_S)
        assert served.log_lines() == []


def test_headers_that_are_no_utf_8_leave_no_traceback(store: str, tmp_path: Path) -> None:
    """The call is answered as without them."""
    with running("query-api", tmp_path, store) as served, raw_connection(served.address) as line:
        numbers = [
            line.call(f"{QUERY}GetLedger", b"", metadata=[(name, b"\xff\xfe\xc3(")], over=True)
            for name in ("authorization", "traceparent", "x-anything")
        ]
        for number in numbers:
            line.until_ended(number)
        assert served.log_lines() == []
