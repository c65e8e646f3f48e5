"""A query-api whose disk fills up while it serves answers on from memory, exactly, and says so."""

import resource
from pathlib import Path
from typing import Any, Final

import grpc
import numpy as np

from services.contracts.generated.lab.query.v1 import query_pb2 as pb
from services.contracts.generated.lab.query.v1.query_pb2_grpc import QueryServiceStub
from services.contracts.generated.lab.status.v1.status_pb2 import GetStatusRequest
from services.contracts.generated.lab.status.v1.status_pb2_grpc import StatusServiceStub
from services.ledger.connection import StoreSettings
from services.ledger.redis_ledger import RedisLedger, open_ledger
from services.query_api.cache import FILE_NAME
from tests.ports.entries import RUN, SECOND, append_of, batch, commit_of
from tests.programs import ready_file, service

EVENTS, WINDOWS, PAGES = 4_000, 2_000, 20
FULL_BYTES: Final = 65_536
"""No file of the service may grow beyond this. It is less than the cache needs, and more than its log."""


def count(ledger: RedisLedger, sequence: int, *, windows: int) -> dict[int, int]:
    """Append a batch and commit it. Return first nanosecond of each window → events."""
    columns = batch(sequence, events=EVENTS, windows=windows)
    ledger.append(append_of(columns, sequence))
    ledger.commit(commit_of(ledger.read(count=1, block_ms=100)))
    numbers, events = np.unique(columns.time_ns // SECOND, return_counts=True)
    return {int(number) * SECOND: int(n) for number, n in zip(numbers, events, strict=True)}


def answered(query: Any) -> tuple[dict[int, int], str]:
    """Return first nanosecond of each window → events, and why the cache is in memory."""
    windows, degraded, token = dict[int, int](), "", ""
    for _ in range(PAGES):
        page = query.ListWindows(pb.ListWindowsRequest(run=RUN, page_size=1_000, page_token=token), timeout=10)
        for aggregate in page.aggregates:
            start = aggregate.window_start_unix_nano
            windows[start] = windows.get(start, 0) + aggregate.count
        degraded, token = page.freshness.degraded, page.next_page_token
        if not token:
            return windows, degraded
    raise AssertionError(f"more than {PAGES} pages")


def test_a_disk_that_fills_up_costs_no_answer(store: str, tmp_path: Path) -> None:
    """No read fails. Answers and status say `disk_full`."""
    ledger = open_ledger(StoreSettings(redis_url=store), "worker")
    environment = {"LAB_REDIS_URL": store, "LAB_QUERY_CACHE_DIR": str(tmp_path / "cache")}
    with (
        service("query-api", tmp_path, environment) as process,
        grpc.insecure_channel(ready_file(tmp_path, "query-api")["grpc"]) as channel,
    ):
        query: Any = QueryServiceStub(channel)
        expected = count(ledger, 1, windows=2)
        assert answered(query) == (expected, "")
        resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (FULL_BYTES, FULL_BYTES))

        for start, events in count(ledger, 2, windows=WINDOWS).items():
            expected[start] = expected.get(start, 0) + events
        assert answered(query) == (expected, "disk_full")
        status: Any = StatusServiceStub(channel)
        details = [part.detail for part in status.GetStatus(GetStatusRequest(), timeout=10).dependencies]
        assert "disk_full" in details
        assert query.GetLedger(pb.GetLedgerRequest(run=RUN), timeout=10).ledger.counted == 2 * EVENTS
    assert (tmp_path / "cache" / FILE_NAME).stat().st_size <= FULL_BYTES
