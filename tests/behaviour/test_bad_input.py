"""Every bad input of a service is refused with a code, a reason and a message, and nothing is lost.

The numbers are rows of the table of bad inputs: requests first, then a store that is full, away, loading, lost or
unfit, and a user without permission. `test_answering.py` and `test_serving.py` test the rows of the query side,
`tests/unit/cli` and `tests/unit/runs` those of the command line.
"""

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final

import grpc
import pytest
from google.rpc.error_details_pb2 import ErrorInfo, RetryInfo
from grpc_status import rpc_status
from opentelemetry import metrics, trace

from services.bootstrap.store import UnfitStore, bootstrap
from services.contracts.generated.lab.ingest.v1.ingest_pb2 import (
    AppendRequest,
    AppendResponse,
    AppendStreamRequest,
    AppendStreamResponse,
    EventBatch,
)
from services.ingest_api.servicer import IngestServicer, add_to
from services.ledger.connection import StoreSettings, open_client
from services.ledger.errors import StoreDenied, StoreLoading
from services.ledger.redis_ledger import open_ledger
from services.serving.calls import Calls
from services.serving.interceptors import MeasuringInterceptor
from services.serving.workers import Workers
from services.telemetry.instruments import Instruments
from services.telemetry.tracing import Tracing
from tests.bench.load import batched_calls
from tests.programs import free_port

METHOD: Final = "/lab.ingest.v1.IngestService/Append"
STREAM_METHOD: Final = "/lab.ingest.v1.IngestService/AppendStream"
PRODUCER: Final = b"p" * 16


@dataclass(frozen=True)
class Refusal:
    """A refusal, as the caller reads it."""

    code: grpc.StatusCode
    reason: str
    message: str
    retry_after_s: float | None


class Ingest:
    """An ingest-api in this process over a store."""

    def __init__(self, url: str, *, backlog_limit: int = 1_000_000, timeout_s: float = 5.0) -> None:
        self.ledger = open_ledger(
            StoreSettings(redis_url=url, redis_timeout_s=timeout_s), "i", backlog_limit=backlog_limit
        )
        instruments = Instruments(metrics.NoOpMeterProvider().get_meter("t"), "ingest-api")
        tracing = Tracing(trace.NoOpTracerProvider().get_tracer("t"))
        self._workers = Workers(2, "rpc")
        interceptors: list[grpc.ServerInterceptor] = [MeasuringInterceptor(Calls(self._workers), instruments, tracing)]
        self._server = grpc.server(self._workers, interceptors=interceptors)
        add_to(self._server, IngestServicer(self.ledger, instruments, tracing))
        self._channel = grpc.insecure_channel(f"127.0.0.1:{self._server.add_insecure_port('127.0.0.1:0')}")
        self._server.start()

    def send(self, request: bytes) -> AppendResponse:
        """Send the bytes of a request."""
        call: Any = self._channel.unary_unary(METHOD, response_deserializer=AppendResponse.FromString)
        answer: AppendResponse = call(request, timeout=20)
        return answer

    def stream(self, *requests: bytes) -> list[AppendStreamResponse]:
        """Send the bytes of requests on one stream. Return the answers."""
        call: Any = self._channel.stream_stream(STREAM_METHOD, response_deserializer=AppendStreamResponse.FromString)
        return list(call(iter(requests), timeout=20))

    def refusal(self, request: bytes) -> Refusal:
        """Send a request that must be refused."""
        with pytest.raises(grpc.RpcError) as refused:
            self.send(request)
        status: Any = rpc_status.from_call(refused.value)  # type: ignore[arg-type]
        info, retry, after = ErrorInfo(), RetryInfo(), None
        for detail in status.details:
            detail.Unpack(info)
            if detail.Unpack(retry):
                after = retry.retry_delay.ToTimedelta().total_seconds()
        return Refusal(refused.value.code(), info.reason, status.message, after)

    def accepted(self) -> int:
        """Return the number of events in the store."""
        return self.ledger.balance().accepted

    def close(self) -> None:
        """Stop serving."""
        self._channel.close()
        self._server.stop(0).wait()
        self._workers.shutdown()


@contextlib.contextmanager
def ingest(url: str, **options: Any) -> Iterator[Ingest]:
    """Serve for as long as the context lasts."""
    served = Ingest(url, **options)
    try:
        yield served
    finally:
        served.close()


def good(sequence: int = 1, events: int = 4) -> bytes:
    """Return a batch that is accepted."""
    return batched_calls(sequence, events, run="r", producer=PRODUCER)[-1]


def changed(change: Callable[[AppendRequest], object]) -> bytes:
    """Return a good batch with one fault."""
    request = AppendRequest.FromString(good(events=8))
    change(request)
    return request.SerializeToString()


def ragged(request: AppendRequest) -> None:
    """Remove one value."""
    del request.batch.value[-1]


INVALID: Final[list[tuple[str, Callable[[AppendRequest], object], str, str]]] = [
    ("1 no events", lambda r: r.batch.CopyFrom(EventBatch(schema=1)), "EMPTY_BATCH", "at least 1"),
    ("3 a long name", lambda r: r.batch.sources.__setitem__(0, "x" * 257), "NAME_TOO_LONG", "257 bytes, limit 256"),
    ("5 a short producer", lambda r: setattr(r, "producer_id", b"abc"), "BAD_PRODUCER_ID", "3 bytes, 16 needed"),
    ("6 sequence 0", lambda r: setattr(r, "sequence", 0), "BAD_SEQ", "1..9007199254740991"),
    ("6 sequence 2^53", lambda r: setattr(r, "sequence", 2**53), "BAD_SEQ", "1..9007199254740991"),
    ("9 an empty name", lambda r: r.batch.kinds.__setitem__(0, ""), "BAD_NAME", "kinds[0]"),
    ("9 an unprintable name", lambda r: r.batch.kinds.__setitem__(0, "a\x07"), "BAD_NAME", "kinds[0]"),
    (
        "9 an index too far",
        lambda r: r.batch.kind_index.__setitem__(3, 9),
        "BAD_INDEX",
        "kind_index[3]: 9, dictionary has 4",
    ),
    ("9 ragged columns", ragged, "RAGGED_COLUMNS", "value 7"),
    ("10 not a number", lambda r: r.batch.value.__setitem__(0, float("nan")), "BAD_VALUE", "value[0]"),
    ("10 infinite", lambda r: r.batch.value.__setitem__(1, float("inf")), "BAD_VALUE", "value[1]"),
    ("10 too large", lambda r: r.batch.value.__setitem__(2, 2.0**46), "BAD_VALUE", "value[2]"),
    ("11 before 1900", lambda r: r.batch.time_unix_nano.__setitem__(4, -(2**62)), "BAD_TIME", "1900..2200"),
    ("11 after 2200", lambda r: r.batch.time_unix_nano.__setitem__(4, 2**63 - 1), "BAD_TIME", "1900..2200"),
]


@pytest.mark.parametrize(("change", "reason", "words"), [row[1:] for row in INVALID], ids=[row[0] for row in INVALID])
def test_a_batch_that_is_wrong_is_refused(
    store: str, change: Callable[[AppendRequest], object], reason: str, words: str
) -> None:
    """INVALID_ARGUMENT with the reason and the element. The corrected batch is appended."""
    with ingest(store) as served:
        refusal = served.refusal(changed(change))
        assert (refusal.code, refusal.reason) == (grpc.StatusCode.INVALID_ARGUMENT, reason)
        assert words in refusal.message, refusal.message
        assert served.accepted() == 0
        assert served.send(good()).accepted == 4


@pytest.mark.parametrize(
    ("request_", "reason"),
    [
        (good(events=5_001), "BATCH_TOO_LARGE"),
        (good() + b"\x22" + b"\xff\xff\x7f" + b"x" * 2_097_151, "REQUEST_TOO_LARGE"),
        (b"\xff" * 40, "MALFORMED"),
        (good()[:-3], "MALFORMED"),
    ],
    ids=["2 too many events", "4 too many bytes", "12 no message", "12 half a message"],
)
def test_bytes_that_are_wrong_are_refused(store: str, request_: bytes, reason: str) -> None:
    """Rows 2, 4 and 12: the answer is ours, not the transport's."""
    with ingest(store) as served:
        refusal = served.refusal(request_)
        assert (refusal.code, refusal.reason) == (grpc.StatusCode.INVALID_ARGUMENT, reason)
        assert served.accepted() == 0


def test_a_stream_goes_on_after_a_refusal(store: str) -> None:
    """Rows 9 and 12 on a stream: each refusal has its reason, and the good batch between them is appended."""
    ragged_batch = AppendStreamRequest(append=AppendRequest.FromString(changed(ragged))).SerializeToString()
    good_batch = AppendStreamRequest(append=AppendRequest.FromString(good(2))).SerializeToString()
    with ingest(store) as served:
        answers = served.stream(ragged_batch, b"\xff" * 40, good_batch)
        assert [answer.refusal.reason for answer in answers] == ["RAGGED_COLUMNS", "MALFORMED", ""]
        assert [answer.sequence for answer in answers] == [1, 0, 2]
        assert {answer.refusal.code for answer in answers[:2]} == {grpc.StatusCode.INVALID_ARGUMENT.value[0]}
        assert served.accepted() == 4


def test_a_sequence_belongs_to_one_payload(store: str) -> None:
    """Row 7: a retry is a duplicate, another payload is a conflict, and the first payload stays."""
    with ingest(store) as served:
        served.send(good())
        assert served.send(good()).duplicate
        refusal = served.refusal(changed(lambda _: None))
        assert (refusal.code, refusal.reason) == (grpc.StatusCode.FAILED_PRECONDITION, "SEQ_CONFLICT")
        assert served.accepted() == 4


def test_a_sequence_that_is_too_old_is_refused(store: str) -> None:
    """Row 8: the outcome is no longer known, and is not guessed."""
    with ingest(store) as served:
        served.send(good(sequence=3 + 1_024))
        refusal = served.refusal(good(sequence=3))
        assert (refusal.code, refusal.reason) == (grpc.StatusCode.FAILED_PRECONDITION, "SEQ_TOO_OLD")


def test_a_full_backlog_says_when_to_come_back(store: str) -> None:
    """Row 13: RESOURCE_EXHAUSTED with a time for the retry."""
    with ingest(store, backlog_limit=10) as served:
        served.send(good(1, events=8))
        refusal = served.refusal(good(2, events=8))
        assert (refusal.code, refusal.reason) == (grpc.StatusCode.RESOURCE_EXHAUSTED, "BACKLOG_FULL")
        assert refusal.retry_after_s
        assert served.accepted() == 8


def test_dead_letters_that_fill_the_store_are_named(store: str) -> None:
    """Row 14: waiting does not help, so the message names the command that does."""
    with ingest(store, backlog_limit=10) as served:
        served.send(good(1, events=8))
        [entry] = served.ledger.read(count=10, block_ms=10)
        served.ledger.dead_letter(entry.entry_id, "planted")
        refusal = served.refusal(good(2, events=8))
        assert (refusal.code, refusal.reason) == (grpc.StatusCode.RESOURCE_EXHAUSTED, "DEAD_LETTER_FULL")
        assert refusal.retry_after_s is None
        assert "lab dead list" in refusal.message


def test_a_store_without_memory_refuses_and_stays_whole(store: str) -> None:
    """Row 15: nothing is half written, and appends go on once there is memory."""
    client = open_client(StoreSettings(redis_url=store))
    with ingest(store) as served:
        served.send(good(1))
        client.config_set("maxmemory", 1)
        refusal = served.refusal(good(2))
        assert (refusal.code, refusal.reason) == (grpc.StatusCode.RESOURCE_EXHAUSTED, "STORE_FULL")
        client.config_set("maxmemory", 0)
        assert served.send(good(2)).accepted == 8
        assert served.ledger.audit().balance.residual == 0


def test_a_store_that_is_away_leaves_the_outcome_open(store: str) -> None:
    """Row 16: UNAVAILABLE, and the same sequence may be tried again."""
    with ingest(store) as served:
        served.send(good(1))
        open_client(StoreSettings(redis_url=store)).shutdown(nosave=True)
        refusal = served.refusal(good(2))
        assert (refusal.code, refusal.reason) == (grpc.StatusCode.UNAVAILABLE, "STORE_UNREACHABLE")
        assert "outcome is unknown" in refusal.message


def test_a_store_that_is_loading_is_waited_for() -> None:
    """Row 17: loading has its own error, since nothing was stored. The server of this test always answers LOADING."""
    with talking(b"-LOADING Redis is loading the dataset in memory\r\n") as url, pytest.raises(StoreLoading):
        open_ledger(StoreSettings(redis_url=url), "i")


def test_a_store_that_lost_its_data_is_not_filled_again(store: str) -> None:
    """Row 18: DATA_LOSS, before and after a new bootstrap."""
    with ingest(store) as served:
        served.send(good(1))
        client = open_client(StoreSettings(redis_url=store))
        client.flushall()
        assert served.refusal(good(2)).code is grpc.StatusCode.DATA_LOSS
        bootstrap(StoreSettings(redis_url=store))
        refusal = served.refusal(good(2))
        assert (refusal.code, refusal.reason) == (grpc.StatusCode.DATA_LOSS, "STORE_REPLACED")
        assert open_ledger(StoreSettings(redis_url=store), "j").balance().accepted == 0


@pytest.mark.parametrize(
    ("setting", "value", "reason", "words"),
    [
        ("maxmemory-policy", "allkeys-lru", "STORE_EVICTS", "noeviction"),
        ("appendfsync", "everysec", "NOT_DURABLE", "CONFIG SET appendfsync always"),
        ("appendonly", "no", "NOT_DURABLE", "CONFIG SET appendonly yes"),
    ],
)
def test_a_store_that_could_lose_events_is_unfit(store: str, setting: str, value: str, reason: str, words: str) -> None:
    """Rows 19 and 20: the message names the command that helps."""
    open_client(StoreSettings(redis_url=store)).config_set(setting, value)
    with pytest.raises(UnfitStore) as unfit:
        bootstrap(StoreSettings(redis_url=store), require_durability="durable")
    assert unfit.value.reason == reason
    assert words in str(unfit.value)


def test_a_key_of_another_kind_is_named(store: str) -> None:
    """Row 21: the message names the key, its type and the needed type."""
    client = open_client(StoreSettings(redis_url=store))
    client.flushall()
    client.set("{lab:lab}:ev", "mine")
    with pytest.raises(UnfitStore, match=r"\{lab:lab\}:ev is a string, not a stream") as unfit:
        bootstrap(StoreSettings(redis_url=store))
    assert unfit.value.reason == "KEY_CLASH"
    assert client.get("{lab:lab}:ev") == b"mine"


def test_a_user_without_permission_is_told_so(store: str) -> None:
    """Row 24: the message holds the store's own words."""
    open_client(StoreSettings(redis_url=store)).execute_command("ACL", "SETUSER", "default", "-fcall", "-get")
    with pytest.raises(StoreDenied, match="permission"):
        open_ledger(StoreSettings(redis_url=store), "i")


@contextlib.contextmanager
def talking(reply: bytes) -> Iterator[str]:
    """Serve one reply to every request."""
    with socket.create_server(("127.0.0.1", free_port())) as listening:

        def answer() -> None:
            with contextlib.suppress(OSError):
                while True:
                    connection, _ = listening.accept()
                    with connection:
                        while connection.recv(4_096):
                            connection.sendall(reply)

        threading.Thread(target=answer, daemon=True).start()
        yield f"redis://127.0.0.1:{listening.getsockname()[1]}/0"
        listening.shutdown(socket.SHUT_RDWR)
