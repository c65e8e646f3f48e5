"""How query-api answers, shown on a real store."""

import sqlite3
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import grpc
import pytest
from opentelemetry import metrics, trace

from services.bootstrap.store import bootstrap
from services.contracts.aggregates import aggregate
from services.contracts.batches import encode
from services.contracts.generated.lab.query.v1 import query_pb2 as pb
from services.contracts.generated.lab.query.v1.query_pb2_grpc import (
    QueryServiceStub,
    add_QueryServiceServicer_to_server,
)
from services.contracts.key_table import KeyTable, name_of
from services.ledger.connection import StoreSettings, open_client
from services.ledger.errors import StoreLost, StoreUnreachable
from services.ledger.records import Append, Commit
from services.ledger.redis_ledger import RedisLedger, open_ledger
from services.query_api.cache import FILE_NAME, WindowFilter
from services.query_api.mirror import RUNS_REMEMBERED, Mirror
from services.query_api.servicer import QueryServicer
from services.serving.calls import Calls
from services.serving.interceptors import MeasuringInterceptor
from services.serving.workers import Workers
from services.telemetry.instruments import Instruments
from services.telemetry.tracing import Tracing
from tests.events import columns_of

SECOND = 1_000_000_000
START = 1_700_000_000 * SECOND
EVENTS = [("pi", "temp", 0, 1.5), ("pi", "load", 0, -2.0), ("pi", "temp", 1, 2.25), ("oven", "temp", 2, 80.0)]


@pytest.fixture
def ledger(store: str) -> RedisLedger:
    """The ledger of a worker."""
    return open_ledger(StoreSettings(redis_url=store), "worker")


@pytest.fixture
def query(ledger: RedisLedger, tmp_path: Path) -> Iterator[QueryServiceStub]:
    """A query-api in this process over that store."""
    with serving(ledger, tmp_path / "cache") as stub:
        yield stub


class serving:  # noqa: N801  reads as a verb in a with statement
    """Serve queries on loopback for as long as the context lasts."""

    def __init__(self, ledger: RedisLedger, folder: Path) -> None:
        instruments = Instruments(metrics.NoOpMeterProvider().get_meter("t"), "query-api")
        tracing = Tracing(trace.NoOpTracerProvider().get_tracer("t"))
        self._mirror = Mirror(ledger, folder)
        self._workers = Workers(4, "rpc")
        interceptors: list[grpc.ServerInterceptor] = [
            MeasuringInterceptor(Calls(self._workers, stream_limit=2), instruments, tracing)
        ]
        self._server = grpc.server(self._workers, interceptors=interceptors)
        servicer = QueryServicer(self._mirror, ledger, instruments, durability=lambda: "durable")
        add_QueryServiceServicer_to_server(servicer, self._server)
        port = self._server.add_insecure_port("127.0.0.1:0")
        self._channel = grpc.insecure_channel(f"127.0.0.1:{port}")

    def __enter__(self) -> QueryServiceStub:
        self._server.start()
        return QueryServiceStub(self._channel)

    def __exit__(self, *_: object) -> None:
        self._channel.close()
        self._server.stop(0).wait()
        self._workers.shutdown()
        self._mirror.close()


def count(ledger: RedisLedger, sequence: int, *, run: str = "r", events: Sequence[Any] = EVENTS) -> None:
    """Append a batch and commit it. Times of *events* are seconds after the start."""
    columns = columns_of([(source, kind, START + at * SECOND, value) for source, kind, at, value in events])
    names = [name_of(source, kind) for source, kind in dict.fromkeys((event[0], event[1]) for event in events)]
    ledger.append(Append(b"p" * 16, sequence, run, SECOND, encode(columns), len(events), names))
    entries = ledger.read(count=10, block_ms=10)
    ledger.commit(Commit(run, entries, aggregate([columns], KeyTable(), window_ns=SECOND)))


def test_an_answer_holds_what_was_counted(ledger: RedisLedger, query: QueryServiceStub) -> None:
    """Account, windows and totals equal those of the store, sums to the last digit."""
    count(ledger, 1)
    answer = query.GetLedger(pb.GetLedgerRequest(run="r", audit=True))
    ledger_of_run = answer.ledger
    assert (ledger_of_run.accepted, ledger_of_run.counted, ledger_of_run.backlog) == (4, 4, 0)
    assert answer.audited_backlog == 0
    assert [(instance.instance_id, instance.counted) for instance in answer.instances] == [("worker", 4)]
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


def test_a_later_answer_holds_the_events_since(ledger: RedisLedger, query: QueryServiceStub) -> None:
    """The cache follows the store, window by window."""
    count(ledger, 1)
    before = query.GetLedger(pb.GetLedgerRequest(run="r")).freshness
    count(ledger, 2, events=[("pi", "temp", 1, 10.0)])
    [aggregate_] = query.ListWindows(
        pb.ListWindowsRequest(
            run="r", source="pi", kind="temp", from_unix_nano=START + 1, to_unix_nano=START + 2 * SECOND
        )
    ).aggregates
    assert (aggregate_.count, aggregate_.maximum) == (2, 10.0)
    assert query.GetLedger(pb.GetLedgerRequest(run="r")).freshness.version > before.version


def test_a_run_without_an_event_is_unknown(query: QueryServiceStub) -> None:
    """An unknown run is told apart from a run with 0 events."""
    assert not query.GetLedger(pb.GetLedgerRequest(run="none")).known
    windows = query.ListWindows(pb.ListWindowsRequest(run="none"))
    assert (windows.known, len(windows.aggregates)) == (False, 0)


def test_pages_join_to_the_whole(ledger: RedisLedger, query: QueryServiceStub) -> None:
    """All pages together hold the same as one answer, each aggregate once."""
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
def test_a_token_of_another_query_is_refused(query: QueryServiceStub, token: str) -> None:
    """A token continues the query that it came from, and no other."""
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
    """`from` after `to`, or more rows than a page holds."""
    with pytest.raises(grpc.RpcError) as refused:
        getattr(query, method)(request_)
    assert refused.value.code() is grpc.StatusCode.INVALID_ARGUMENT


def test_an_answer_without_pruned_windows_is_incomplete(ledger: RedisLedger, query: QueryServiceStub) -> None:
    """Events of removed windows remain in the totals."""
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
    """The answer equals the store, whatever the file holds."""
    count(ledger, 1)
    with serving(ledger, tmp_path) as query:
        whole = list(query.ListWindows(pb.ListWindowsRequest(run="r")).aggregates)
    file = tmp_path / FILE_NAME
    file.write_bytes(file.read_bytes()[:5_000] if damage is None else damage)
    with serving(ledger, tmp_path) as query:
        answer = query.ListWindows(pb.ListWindowsRequest(run="r"))
    assert list(answer.aggregates) == whole
    assert answer.freshness.degraded == ""


def test_a_cache_that_is_damaged_while_in_use_is_rebuilt(ledger: RedisLedger, tmp_path: Path) -> None:
    """No answer is wrong meanwhile."""
    count(ledger, 1)
    mirror = Mirror(ledger, tmp_path)
    mirror.refresh("r")
    saboteur = sqlite3.connect(tmp_path / FILE_NAME)
    saboteur.execute("DROP TABLE aggregate")
    saboteur.close()
    _, rows = mirror.read("r", lambda cache, _state: cache.totals("r", after=None, limit=10))
    assert len(rows) == 3
    mirror.close()


def test_the_cache_of_another_store_is_rebuilt(ledger: RedisLedger, store: str, tmp_path: Path) -> None:
    """A cache that was made from another store is dropped."""
    count(ledger, 1)
    with serving(ledger, tmp_path) as query:
        assert query.GetLedger(pb.GetLedgerRequest(run="r")).known
    open_client(StoreSettings(redis_url=store)).flushall()
    bootstrap(StoreSettings(redis_url=store), require_durability="durable")
    with serving(open_ledger(StoreSettings(redis_url=store), "w"), tmp_path) as query:
        assert not query.GetLedger(pb.GetLedgerRequest(run="r")).known


def test_a_store_that_was_emptied_is_reported(ledger: RedisLedger, store: str, tmp_path: Path) -> None:
    """A store that was replaced since the start has lost events, so its counts are not answered."""
    count(ledger, 1)
    mirror = Mirror(ledger, tmp_path)
    mirror.refresh("r")
    open_client(StoreSettings(redis_url=store)).flushall()
    bootstrap(StoreSettings(redis_url=store), require_durability="durable")
    with pytest.raises(StoreLost):
        mirror.refresh("r")
    mirror.close()


def test_a_folder_that_cannot_be_written_degrades(ledger: RedisLedger, tmp_path: Path) -> None:
    """The cache is then kept in memory. Answers are right, and say `degraded`."""
    count(ledger, 1)
    (tmp_path / "file").write_text("not a folder")
    with serving(ledger, tmp_path / "file") as query:
        answer = query.ListTotals(pb.ListTotalsRequest(run="r"))
    assert (len(answer.aggregates), answer.freshness.degraded) == (3, "read_only")


def test_an_answer_while_the_store_is_away_tells_its_age(store: str, tmp_path: Path) -> None:
    """A run that was read before is answered with its age, another run is refused."""
    ledger = open_ledger(StoreSettings(redis_url=store, redis_timeout_s=0.5), "worker")
    count(ledger, 1)
    now = [100.0]
    mirror = Mirror(ledger, tmp_path, now_s=lambda: now[0])
    assert mirror.refresh("r").staleness_ms == 0
    open_client(StoreSettings(redis_url=store)).shutdown(nosave=True)
    now[0] += 7.5
    seen = mirror.refresh("r")
    assert (seen.state.balance.counted, seen.staleness_ms) == (4, 7_500)
    with pytest.raises(StoreUnreachable):
        mirror.refresh("another")
    mirror.close()


def test_a_run_that_the_store_has_forgotten_is_unknown_and_may_come_again(
    ledger: RedisLedger, store: str, tmp_path: Path
) -> None:
    """The cache forgets it, too. A new run of the same name is answered with its own events alone."""
    count(ledger, 1)
    mirror = Mirror(ledger, tmp_path)
    assert mirror.refresh("r").state.balance.counted == 4
    count(ledger, 2, run="another")
    raw = open_client(StoreSettings(redis_url=store))
    raw.zadd("{lab:lab}:runs", {"r": 0})
    assert ledger.forget_runs(keep_runs=1)

    assert not mirror.refresh("r").state.known
    _, rows = mirror.read("r", lambda cache, _state: cache.totals("r", after=None, limit=10))
    assert rows == []

    raw.zadd("{lab:lab}:runs", {"another": 0})
    count(ledger, 3, events=[("new", "temp", 9, 1.0)] * 5)
    for _ in range(2):
        seen, rows = mirror.read("r", lambda cache, _state: cache.totals("r", after=None, limit=10))
        assert [(key.source, total.count) for key, total in rows] == [("new", 5)]
        assert seen.state.balance.counted == 5
    mirror.close()


def test_a_run_that_came_again_between_two_answers_is_answered_alone(
    ledger: RedisLedger, store: str, tmp_path: Path
) -> None:
    """Nobody asked while it was gone, and it has more events than before: nothing of the old run is mixed in."""
    count(ledger, 1)
    mirror = Mirror(ledger, tmp_path)
    mirror.refresh("r")
    count(ledger, 2, run="another")
    open_client(StoreSettings(redis_url=store)).zadd("{lab:lab}:runs", {"r": 0})
    assert ledger.forget_runs(keep_runs=1)
    count(ledger, 3, events=[("new", "temp", 9, 1.0)] * 50)

    _, rows = mirror.read("r", lambda cache, _state: cache.totals("r", after=None, limit=10))
    _, windows = mirror.read("r", lambda cache, _state: cache.windows("r", WindowFilter(), after=None, limit=10))

    assert [(key.source, total.count) for key, total in rows] == [("new", 50)]
    assert [key.source for key, _ in windows] == ["new"]
    mirror.close()


def test_names_that_nobody_sent_are_not_kept(ledger: RedisLedger, tmp_path: Path) -> None:
    """A caller can ask for any number of them. Runs that exist are remembered, up to a limit."""
    count(ledger, 1)
    mirror = Mirror(ledger, tmp_path)
    assert mirror.refresh("r").state.known
    for number in range(100):
        assert not mirror.refresh(f"nobody-{number}").state.known
    assert list(mirror._answered_s) == ["r"]
    for number in range(RUNS_REMEMBERED + 5):
        mirror._remember(f"run-{number}", 0.0)
    assert len(mirror._answered_s) == RUNS_REMEMBERED
    mirror.close()


@pytest.mark.parametrize(
    ("method", "request_"),
    [
        ("GetLedger", pb.GetLedgerRequest(run="r" * 81)),
        ("ListTotals", pb.ListTotalsRequest(run="r" * 1_000_000)),
        ("ListWindows", pb.ListWindowsRequest(run="r", source="s" * 257)),
        ("ListWindows", pb.ListWindowsRequest(run="r", kind="é" * 129)),
    ],
)
def test_a_name_that_no_run_can_have_is_refused(query: QueryServiceStub, method: str, request_: object) -> None:
    """The store is not asked for it."""
    with pytest.raises(grpc.RpcError, match="limit") as refused:
        getattr(query, method)(request_)
    assert refused.value.code() is grpc.StatusCode.INVALID_ARGUMENT
