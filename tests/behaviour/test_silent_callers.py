"""Callers that are silent, shown on real processes: they keep neither threads nor places from others."""

import contextlib
import signal
import socket
import threading
import urllib.request
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import grpc
import psutil
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from services.bootstrap.store import bootstrap
from services.contracts.generated.lab.ingest.v1.ingest_pb2 import AppendRequest, AppendStreamRequest
from services.contracts.generated.lab.ingest.v1.ingest_pb2_grpc import IngestServiceStub
from services.contracts.generated.lab.query.v1.query_pb2 import GetLedgerRequest
from services.contracts.generated.lab.query.v1.query_pb2_grpc import QueryServiceStub
from services.contracts.generated.lab.simulator.v1 import simulator_pb2
from services.contracts.generated.lab.simulator.v1.simulator_pb2_grpc import SimulatorServiceStub
from services.ledger.connection import StoreSettings
from tests import programs
from tests.bench.load import batched_calls
from tests.programs import ready_file, service
from tests.raw_calls import raw_connection
from tests.waiting import until

GET_LEDGER: Final = "/lab.query.v1.QueryService/GetLedger"
CHECK, WATCH = "/grpc.health.v1.Health/Check", "/grpc.health.v1.Health/Watch"
RUN_LOAD: Final = "/lab.simulator.v1.SimulatorService/RunLoad"
ANSWERED_S: Final = 10.0
"""Seconds for an answer that takes milliseconds on a quiet machine. No silent caller of these tests is waited for."""
SHORT_WAIT: Final = {"LAB_CALLER_WAIT_SECONDS": "0.5"}
TOKEN: Final = (("authorization", "Bearer open sesame"),)

pytestmark = pytest.mark.timeout(90)


@contextlib.contextmanager
def running(name: str, folder: Path, store: str, **extra: str) -> Iterator[dict[str, str]]:
    """Run a service. Yields the contents of its ready file."""
    with service(name, folder, {"LAB_REDIS_URL": store, "OTEL_METRICS_EXPORTER": "prometheus"} | extra):
        yield ready_file(folder, name)


@pytest.fixture
def token(tmp_path: Path) -> dict[str, str]:
    """The setting of a service that asks for a token."""
    (tmp_path / "token").write_text("open sesame\n")
    return {"LAB_TOKEN_FILE": str(tmp_path / "token")}


def ask(address: str, *, metadata: Sequence[tuple[str, str]] = ()) -> Any:
    """Return the account of the store, asked for over a connection of its own."""
    with grpc.insecure_channel(address) as channel:
        stub: Any = QueryServiceStub(channel)
        return stub.GetLedger(GetLedgerRequest(), timeout=ANSWERED_S, metadata=metadata)


def health_of(address: str) -> str:
    """Return what health says."""
    with grpc.insecure_channel(address) as channel:
        stub: Any = health_pb2_grpc.HealthStub(channel)
        status = stub.Check(health_pb2.HealthCheckRequest(), timeout=ANSWERED_S).status
    return str(health_pb2.HealthCheckResponse.ServingStatus.Name(status))


def batches(first: int) -> Iterator[AppendStreamRequest]:
    """Yield the message of a stream, endlessly silent before the second."""
    append = AppendRequest.FromString(batched_calls(first, 1, run="r", producer=b"p" * 16)[-1])
    yield AppendStreamRequest(append=append)
    threading.Event().wait()


# ------------------------------------------------------------------------------------------- calls without a message


@pytest.mark.parametrize("calls", [8, 100])
def test_calls_without_a_message_keep_no_thread(store: str, tmp_path: Path, calls: int) -> None:
    """There are eight threads. Another caller is answered, and health says so."""
    with running("query-api", tmp_path, store) as ready, raw_connection(ready["grpc"]) as silent:
        for _ in range(calls):
            silent.call(GET_LEDGER)
        assert ask(ready["grpc"]).known
        assert health_of(ready["health"]) == health_of(ready["grpc"]) == "SERVING"


def test_a_caller_without_a_token_is_refused_before_its_message(
    store: str, tmp_path: Path, token: dict[str, str]
) -> None:
    """UNAUTHENTICATED comes although the message never does, and callers with the token are served meanwhile."""
    with running("query-api", tmp_path, store, **token) as ready, raw_connection(ready["grpc"]) as silent:
        first, *others = [silent.call(GET_LEDGER, metadata=[("authorization", b"Bearer \xff")]) for _ in range(100)]
        assert b"16" in silent.until_ended(first)
        assert ask(ready["grpc"], metadata=TOKEN).known
        for number in others:
            silent.until_ended(number)


def test_a_call_is_ended_when_its_message_does_not_come(store: str, tmp_path: Path) -> None:
    """After the time that the settings allow."""
    with running("query-api", tmp_path, store, **SHORT_WAIT) as ready, raw_connection(ready["grpc"]) as silent:
        ends = [silent.until_ended(number) for number in [silent.call(GET_LEDGER) for _ in range(20)]]
        assert len(ends) == 20
        assert all(ends), "a call ended without headers and without a reset"


def test_probes_are_answered_whatever_silent_callers_do(store: str, tmp_path: Path) -> None:
    """The port for probes is plaintext and asks for no token, so that everybody may call it."""
    with running("query-api", tmp_path, store) as ready, raw_connection(ready["health"], window=0) as silent:
        for _ in range(20):
            silent.call(CHECK)
            silent.call(WATCH, b"", over=True)
        assert health_of(ready["health"]) == "SERVING"


# --------------------------------------------------------------------------------------- streams and unread answers


def test_a_silent_stream_is_ended(store: str, tmp_path: Path) -> None:
    """Its place is free for another then."""
    with (
        running("ingest-api", tmp_path, store, **SHORT_WAIT) as ready,
        grpc.insecure_channel(ready["grpc"]) as channel,
    ):
        stub = IngestServiceStub(channel)
        streams = [stub.AppendStream(batches(1), timeout=4 * ANSWERED_S) for _ in range(4)]
        for stream in streams:
            next(stream)
            with pytest.raises(grpc.RpcError):
                next(stream)
        fifth = stub.AppendStream(batches(2), timeout=ANSWERED_S)
        assert next(fifth).sequence == 2
        fifth.cancel()


def test_a_caller_that_does_not_read_its_load_run_ends_it(store: str, tmp_path: Path) -> None:
    """The simulator is free for the next load run then. The first would have lasted a minute."""
    with (
        running("ingest-api", tmp_path, store) as ingest,
        running("simulator", tmp_path, store, **SHORT_WAIT) as ready,
        raw_connection(ready["grpc"], window=0) as unread,
        grpc.insecure_channel(ready["grpc"]) as channel,
    ):
        request = simulator_pb2.RunLoadRequest(
            run="r", ingest_address=ingest["grpc"], synthetic=simulator_pb2.SyntheticSource()
        )
        request.profile.duration_seconds, request.profile.constant.rate = 60, 100
        assert unread.until_ended(unread.call(RUN_LOAD, request.SerializeToString(), over=True))
        request.profile.duration_seconds = 0.1
        stub = SimulatorServiceStub(channel)
        until(lambda: loaded(stub, request), within_s=20)
        assert loaded(stub, request)


def loaded(stub: SimulatorServiceStub, request: simulator_pb2.RunLoadRequest) -> bool:
    """Return whether a load run comes to its end; False where another is under way."""
    try:
        return bool(list(stub.RunLoad(request, timeout=4 * ANSWERED_S))[-1].HasField("result"))
    except grpc.RpcError as error:
        if error.code() is not grpc.StatusCode.FAILED_PRECONDITION:
            raise
        return False


def test_a_load_run_that_is_cancelled_before_it_began_keeps_nobody_waiting(store: str, tmp_path: Path) -> None:
    """Nobody answers at its ingest address. The wait for an answer ends with the caller."""
    with (
        running("ingest-api", tmp_path, store) as ingest,
        running("simulator", tmp_path, store) as ready,
        grpc.insecure_channel(ready["grpc"]) as channel,
    ):
        stub = SimulatorServiceStub(channel)
        request = simulator_pb2.RunLoadRequest(
            run="r", ingest_address=f"127.0.0.1:{programs.free_port()}", synthetic=simulator_pb2.SyntheticSource()
        )
        request.profile.duration_seconds, request.profile.constant.rate = 0.1, 100
        waiting = stub.RunLoad(request, timeout=ANSWERED_S)
        until(lambda: stub.Stop(simulator_pb2.StopRequest(), timeout=ANSWERED_S).was_running)
        waiting.cancel()
        request.ingest_address = ingest["grpc"]
        until(lambda: loaded(stub, request), within_s=5)
        assert loaded(stub, request)


# ---------------------------------------------------------------------------------------------------- connections


def test_connections_are_bounded(store: str, tmp_path: Path) -> None:
    """Of a thousand, about half are closed at once, and health has a port and connections of its own."""
    with running("query-api", tmp_path, store) as ready, contextlib.ExitStack() as lines:
        host, _, port = ready["grpc"].rpartition(":")
        silent = [
            lines.enter_context(socket.create_connection((host, int(port)), timeout=ANSWERED_S)) for _ in range(1_000)
        ]
        for line in silent:
            line.settimeout(0)
        until(lambda: sum(map(is_closed, silent)) > 400, within_s=8)
        assert health_of(ready["health"]) == "SERVING"


def is_closed(line: socket.socket) -> bool:
    """Return whether the server has closed a connection."""
    try:
        return line.recv(1, socket.MSG_PEEK) == b""
    except BlockingIOError:
        return False
    except OSError:
        return True


def test_a_flood_of_pings_ends_its_own_connection(store: str, tmp_path: Path) -> None:
    """A caller may ping every ten seconds. Another caller is answered meanwhile."""
    with (
        running("query-api", tmp_path, store) as ready,
        raw_connection(ready["grpc"]) as flooding,
        grpc.insecure_channel(ready["grpc"]) as channel,
    ):
        stub: Any = QueryServiceStub(channel)
        assert stub.GetLedger(GetLedgerRequest(), timeout=ANSWERED_S).known
        flooding.ping(50)
        assert b"too_many_pings" in flooding.until_sent_away()
        assert stub.GetLedger(GetLedgerRequest(), timeout=ANSWERED_S).known


def test_silent_connections_do_not_keep_the_metrics_from_being_scraped(store: str, tmp_path: Path) -> None:
    """A new connection takes the place of the one that is silent for longest, and each has a thread."""
    with running("query-api", tmp_path, store) as ready, contextlib.ExitStack() as lines:
        host, _, port = ready["metrics"].rpartition(":")
        process = psutil.Process(int(ready["pid"]))
        before = process.num_threads()
        for _ in range(200):
            lines.enter_context(socket.create_connection((host, int(port)), timeout=ANSWERED_S))
        page = urllib.request.urlopen(f"http://{ready['metrics']}/metrics", timeout=ANSWERED_S).read()
        assert b"query_requests_total" in page
        until(lambda: process.num_threads() - before < 100)


def test_a_scraper_that_hangs_up_leaves_no_traceback(store: str, tmp_path: Path) -> None:
    """Whether in the middle of its request or of the answer."""
    with running("query-api", tmp_path, store) as ready:
        host, _, port = ready["metrics"].rpartition(":")
        for request in (b"GET /metr", b"GET /metrics HTTP/1.1\r\n\r\n", b"\0" * 99_999):
            for _ in range(5):
                with contextlib.suppress(OSError), socket.create_connection((host, int(port))) as line:
                    line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
                    line.sendall(request)
        urllib.request.urlopen(f"http://{ready['metrics']}/metrics", timeout=ANSWERED_S).read()
    assert "Traceback" not in (tmp_path / "query-api.log").read_text()


# ---------------------------------------------------------------------------------------------------------- health


def test_health_notices_when_calls_get_no_thread(tmp_path: Path) -> None:
    """Here all threads wait for a store that stands still. Health recovers with the store."""
    with programs.store() as (port, process, _):
        store = f"redis://127.0.0.1:{port}/0"
        bootstrap(StoreSettings(redis_url=store))
        with (
            running("query-api", tmp_path, store, LAB_REDIS_TIMEOUT_S="60") as ready,
            grpc.insecure_channel(ready["grpc"]) as channel,
        ):
            stub: Any = QueryServiceStub(channel)
            process.send_signal(signal.SIGSTOP)
            calls = [stub.GetLedger.future(GetLedgerRequest(), timeout=60) for _ in range(9)]
            until(lambda: health_of(ready["health"]) == "NOT_SERVING")
            process.send_signal(signal.SIGCONT)
            for call in calls:
                assert call.result(timeout=60).known
            until(lambda: health_of(ready["health"]) == "SERVING")
