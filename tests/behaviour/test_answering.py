"""How query-api answers, shown on a real store."""

import sqlite3
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import grpc
import pytest
from opentelemetry import metrics, trace

from services.bootstrap.store import bootstrap
from services.contracts.aggregates import KeyTable, aggregate, name_of
from services.contracts.batches import columns_of, encode
from services.contracts.generated.lab.query.v1 import query_pb2 as pb
from services.contracts.generated.lab.query.v1.query_pb2_grpc import (
    QueryServiceStub,
    add_QueryServiceServicer_to_server,
)
from services.ledger.connection import StoreSettings, open_client
from services.ledger.errors import StoreLost, StoreUnreachable
from services.ledger.port import Append, Commit
from services.ledger.redis_ledger import RedisLedger, open_ledger
from services.query_api.cache import FILE_NAME
from services.query_api.mirror import Mirror
from services.query_api.servicer import Parts, QueryServicer
from services.serving.interceptors import CallInterceptor
from services.telemetry.instruments import Instruments
from services.telemetry.tracing import Tracing

SECOND = 1_000_000_000
START = 1_700_000_000 * SECOND
EVENTS = [("pi", "temp", 0, 1.5), ("pi", "load", 0, -2.0), ("pi", "temp", 1, 2.25), ("oven", "temp", 2, 80.0)]


@pytest.fixture
def ledger(store: str) -> RedisLedger:
    """The store, as a worker sees it."""
    return open_ledger(StoreSettings(redis_url=store), "worker")


@pytest.fixture
def query(ledger: RedisLedger, tmp_path: Path) -> Iterator[QueryServiceStub]:
    """A query-api of this process over that store."""
    with serving(ledger, tmp_path / "cache") as stub:
        yield stub


class serving:  # noqa: N801  reads as a verb in a with statement
    """Serve queries on loopback for as long as the context lasts."""

    def __init__(self, ledger: RedisLedger, folder: Path) -> None:
        instruments = Instruments(metrics.NoOpMeterProvider().get_meter("t"), "query-api")
        tracing = Tracing(trace.NoOpTracerProvider().get_tracer("t"))
        self._mirror = Mirror(ledger, folder)
        self._server = grpc.server(
            ThreadPoolExecutor(4), interceptors=[CallInterceptor(instruments, tracing, stream_limit=2)]
        )
        parts = Parts(self._mirror, ledger, instruments, "durable", threading.Event())
        add_QueryServiceServicer_to_server(QueryServicer(parts), self._server)
        port = self._server.add_insecure_port("127.0.0.1:0")
        self._channel = grpc.insecure_channel(f"127.0.0.1:{port}")

    def __enter__(self) -> QueryServiceStub:
        self._server.start()
        return QueryServiceStub(self._channel)

    def __exit__(self, *_: object) -> None:
        self._channel.close()
        self._server.stop(0).wait()
        self._mirror.close()


def count(ledger: RedisLedger, sequence: int, *, run: str = "r", events: Sequence[Any] = EVENTS) -> None:
    """Append a batch and count it; times are seconds after the start."""
    columns = columns_of([(source, kind, START + at * SECOND, value) for source, kind, at, value in events])
    names = [name_of(source, kind) for source, kind in dict.fromkeys((event[0], event[1]) for event in events)]
    ledger.append(Append(b"p" * 16, sequence, run, SECOND, encode(columns), len(events), names))
    entries = ledger.read(count=10, block_ms=10)
    ledger.commit(Commit(run, entries, aggregate([columns], KeyTable(), window_ns=SECOND)))


def test_an_answer_holds_what_was_counted(ledger: RedisLedger, query: QueryServiceStub) -> None:
    """Account, windows and totals are those of the store, sums to the last digit."""
    count(ledger, 1)
    answer = query.GetLedger(pb.GetLedgerRequest(run="r", audit=True))
    assert (answer.ledger.accepted, answer.ledger.counted, answer.ledger.backlog, answer.audited_backlog) == (
        4,
        4,
        0,
        0,
    )
    assert [(one.instance_id, one.counted) for one in answer.instances] == [("worker", 4)]
    aggregates = query.ListWindows(pb.ListWindowsRequest(run="r")).aggregates
    assert [(c.window_start_unix_nano - START, c.source, c.kind, c.count) for c in aggregates] == [
        (0, "pi", "load", 1),
        (0, "pi", "temp", 1),
        (SECOND, "pi", "temp", 1),
        (2 * SECOND, "oven", "temp", 1),
    ]
    totals = {(c.source, c.kind): c for c in query.ListTotals(pb.ListTotalsRequest(run="r")).aggregates}
    temp, load = totals["pi", "temp"], totals["pi", "load"]
    assert (temp.count, temp.sum_high, temp.sum_low, temp.minimum, temp.maximum) == (2, 0, 3_750_000, 1.5, 2.25)
    assert load.sum_high * 2**32 + load.sum_low == -2_000_000


def test_a_later_answer_holds_what_came_since(ledger: RedisLedger, query: QueryServiceStub) -> None:
    """The cache follows the store, window by window."""
    count(ledger, 1)
    before = query.GetLedger(pb.GetLedgerRequest(run="r")).freshness
    count(ledger, 2, events=[("pi", "temp", 1, 10.0)])
    [cell] = query.ListWindows(
        pb.ListWindowsRequest(
            run="r", source="pi", kind="temp", from_unix_nano=START + 1, to_unix_nano=START + 2 * SECOND
        )
    ).aggregates
    assert (cell.count, cell.maximum) == (2, 10.0)
    assert query.GetLedger(pb.GetLedgerRequest(run="r")).freshness.version > before.version


def test_a_run_nobody_heard_of_is_unknown(query: QueryServiceStub) -> None:
    """It is not a run with 0 events."""
    assert not query.GetLedger(pb.GetLedgerRequest(run="none")).known
    windows = query.ListWindows(pb.ListWindowsRequest(run="none"))
    assert (windows.known, len(windows.aggregates)) == (False, 0)


def test_pages_join_to_the_whole(ledger: RedisLedger, query: QueryServiceStub) -> None:
    """Page by page comes the same as at once, each cell once."""
    count(ledger, 1, events=[(f"s{i % 7}", f"k{i % 3}", i, float(i)) for i in range(40)])
    whole = list(query.ListWindows(pb.ListWindowsRequest(run="r")).aggregates)
    pages, token = [], ""
    for _ in range(20):
        page = query.ListWindows(pb.ListWindowsRequest(run="r", page_size=7, page_token=token))
        pages += page.aggregates
        token = page.next_page_token
        if not token:
            break
    assert pages == whole
    assert len(whole) == 40


@pytest.mark.parametrize("token", ["!", "bm8=", "WyJ4IiwgMSwgInMiLCAiayJd"])
def test_a_token_of_another_question_is_refused(query: QueryServiceStub, token: str) -> None:
    """A token says where a page of this very question ended, or nothing."""
    with pytest.raises(grpc.RpcError) as refused:
        query.ListTotals(pb.ListTotalsRequest(run="r", page_token=token))
    assert refused.value.code() is grpc.StatusCode.INVALID_ARGUMENT


@pytest.mark.parametrize(
    ("method", "request_"),
    [
        ("ListWindows", pb.ListWindowsRequest(run="r", from_unix_nano=2, to_unix_nano=1)),
        ("ListWindows", pb.ListWindowsRequest(run="r", page_size=10_001)),
        ("ListTotals", pb.ListTotalsRequest(run="r", page_size=10_001)),
    ],
)
def test_a_range_that_makes_no_sense_is_refused(query: QueryServiceStub, method: str, request_: object) -> None:
    """From after to, or more rows than a page holds."""
    with pytest.raises(grpc.RpcError) as refused:
        getattr(query, method)(request_)
    assert refused.value.code() is grpc.StatusCode.INVALID_ARGUMENT


def test_pruned_windows_are_said_to_be_missing(ledger: RedisLedger, query: QueryServiceStub) -> None:
    """What retention removed is gone from the windows, told, and still part of the totals."""
    count(ledger, 1)
    assert query.ListWindows(pb.ListWindowsRequest(run="r")).complete
    ledger.prune("r", keep_windows=1)
    count(ledger, 2, events=[("oven", "temp", 3, 1.0)])
    windows = query.ListWindows(pb.ListWindowsRequest(run="r"))
    assert not windows.complete
    assert [c.window_start_unix_nano for c in windows.aggregates] == [START + 2 * SECOND, START + 3 * SECOND]
    assert sum(c.count for c in query.ListTotals(pb.ListTotalsRequest(run="r")).aggregates) == 5


@pytest.mark.parametrize("damage", [b"", b"no database at all, just text " * 400, None])
def test_a_damaged_cache_is_rebuilt(ledger: RedisLedger, tmp_path: Path, damage: bytes | None) -> None:
    """Whatever the file holds, the answer is the store's."""
    count(ledger, 1)
    with serving(ledger, tmp_path) as query:
        whole = list(query.ListWindows(pb.ListWindowsRequest(run="r")).aggregates)
    file = tmp_path / FILE_NAME
    file.write_bytes(file.read_bytes()[:5_000] if damage is None else damage)
    with serving(ledger, tmp_path) as query:
        answer = query.ListWindows(pb.ListWindowsRequest(run="r"))
    assert list(answer.aggregates) == whole
    assert answer.freshness.degraded == ""


def test_a_cache_damaged_under_our_feet_is_rebuilt(ledger: RedisLedger, tmp_path: Path) -> None:
    """Also while the process lives nobody gets a wrong answer."""
    count(ledger, 1)
    mirror = Mirror(ledger, tmp_path)
    mirror.look("r")
    saboteur = sqlite3.connect(tmp_path / FILE_NAME)
    saboteur.execute("DROP TABLE cell")
    saboteur.close()
    _, rows = mirror.read("r", lambda cache, _state: cache.totals("r", after=None, limit=10))
    assert len(rows) == 3
    mirror.close()


def test_the_cache_of_another_store_is_rebuilt(ledger: RedisLedger, store: str, tmp_path: Path) -> None:
    """A cache shows the store it is asked about, not the one it was made from."""
    count(ledger, 1)
    with serving(ledger, tmp_path) as query:
        assert query.GetLedger(pb.GetLedgerRequest(run="r")).known
    open_client(StoreSettings(redis_url=store)).flushall()
    bootstrap(StoreSettings(redis_url=store), require_durability="durable")
    with serving(open_ledger(StoreSettings(redis_url=store), "w"), tmp_path) as query:
        assert not query.GetLedger(pb.GetLedgerRequest(run="r")).known


def test_a_store_that_was_emptied_is_told(ledger: RedisLedger, store: str, tmp_path: Path) -> None:
    """A store that is another one than at the start has lost events; nobody answers as if nothing had happened."""
    count(ledger, 1)
    mirror = Mirror(ledger, tmp_path)
    mirror.look("r")
    open_client(StoreSettings(redis_url=store)).flushall()
    bootstrap(StoreSettings(redis_url=store), require_durability="durable")
    with pytest.raises(StoreLost):
        mirror.look("r")
    mirror.close()


def test_a_folder_that_cannot_be_written_degrades(ledger: RedisLedger, tmp_path: Path) -> None:
    """The cache is kept in memory then; answers are right, and say so."""
    count(ledger, 1)
    (tmp_path / "file").write_text("not a folder")
    with serving(ledger, tmp_path / "file") as query:
        answer = query.ListTotals(pb.ListTotalsRequest(run="r"))
    assert (len(answer.aggregates), answer.freshness.degraded) == (3, "read_only")


def test_an_answer_given_while_the_store_is_away_tells_its_age(store: str, tmp_path: Path) -> None:
    """What was seen is answered with its age; what was never seen is not made up."""
    ledger = open_ledger(StoreSettings(redis_url=store, redis_timeout_s=0.5), "worker")
    count(ledger, 1)
    now = [100.0]
    mirror = Mirror(ledger, tmp_path, now_s=lambda: now[0])
    assert mirror.look("r").staleness_ms == 0
    open_client(StoreSettings(redis_url=store)).shutdown(nosave=True)
    now[0] += 7.5
    seen = mirror.look("r")
    assert (seen.state.balance.counted, seen.staleness_ms) == (4, 7_500)
    with pytest.raises(StoreUnreachable):
        mirror.look("another")
    mirror.close()
