"""Services whose store stands still or is full answer in time, lose nothing, and go on afterwards."""

import contextlib
import re
import signal
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any, Final, NamedTuple

import grpc
import psutil
import pytest

from services.bootstrap.store import bootstrap
from services.contracts.generated.lab.ingest.v1.ingest_pb2 import AppendRequest, AppendStreamRequest
from services.contracts.generated.lab.ingest.v1.ingest_pb2_grpc import IngestServiceStub
from services.contracts.generated.lab.query.v1 import query_pb2 as query
from services.contracts.generated.lab.query.v1.query_pb2_grpc import QueryServiceStub
from services.contracts.signals import INGEST_EVENTS_REFUSED
from services.ledger.connection import StoreSettings
from services.ledger.redis_ledger import open_ledger
from tests import programs
from tests.bench.load import batched_calls
from tests.waiting import until
from tests.workers import append

STORE_TIMEOUT_S: Final = 0.5
DEADLINE_S: Final = 2.0
SLACK_S: Final = 0.5
TIMES: Final = 4
"""Calls of each method at a time."""
MORE_THREADS: Final = 8
"""Threads that a service may have gained by the calls: fewer than there were calls."""
CROWD: Final = 40
"""More calls than a service has threads."""
STOPPED_S: Final = 1.5
"""Longer than a call may wait for a thread, and shorter than a call of the store may take."""
EVENTS, LIMIT, DEAD = 50, 1_000, 100
OFFERED: Final = 3 * LIMIT // EVENTS
"""Batches, of three times the events that may wait."""

pytestmark = pytest.mark.timeout(100)


class Serving(NamedTuple):
    """A service that runs: its process, a channel to it, and the address of its metrics."""

    process: psutil.Process
    channel: grpc.Channel
    metrics: str


@contextlib.contextmanager
def serving(name: str, folder: Path, store: str, **extra: str) -> Iterator[Serving]:
    """Run a service for as long as the context lasts."""
    environment = {"LAB_REDIS_URL": store, "OTEL_METRICS_EXPORTER": "prometheus"} | extra
    with programs.service(name, folder, environment) as process:
        ready = programs.ready_file(folder, name)
        with grpc.insecure_channel(ready["grpc"]) as channel:
            yield Serving(psutil.Process(process.pid), channel, ready["metrics"])


# ------------------------------------------------------------------------------------------ a store that stands still


def appended(sequence: int) -> AppendRequest:
    """Return a batch."""
    return AppendRequest.FromString(batched_calls(sequence, EVENTS, run="r", producer=b"p" * 16)[-1])


def methods_of(name: str, channel: grpc.Channel) -> Sequence[Callable[[], Any]]:
    """Return a call of every method of a service that needs the store."""
    if name == "ingest-api":
        ingest: Any = IngestServiceStub(channel)
        message = AppendStreamRequest(append=appended(1))
        return (
            lambda: ingest.Append(appended(1), timeout=DEADLINE_S),
            lambda: list(ingest.AppendStream(iter([message]), timeout=DEADLINE_S)),
        )
    stub: Any = QueryServiceStub(channel)
    return (
        lambda: stub.GetLedger(query.GetLedgerRequest(run="r"), timeout=DEADLINE_S),
        lambda: stub.GetLedger(query.GetLedgerRequest(run="r", audit=True), timeout=DEADLINE_S),
        lambda: stub.ListWindows(query.ListWindowsRequest(run="r"), timeout=DEADLINE_S),
        lambda: stub.ListTotals(query.ListTotalsRequest(run="r"), timeout=DEADLINE_S),
    )


def outcome(call: Callable[[], Any]) -> tuple[grpc.StatusCode, float]:
    """Return how a call ended, and after how many seconds. The refusal on a stream is its outcome."""
    begun, code = time.monotonic(), grpc.StatusCode.OK
    try:
        answer = call()
    except grpc.RpcError as error:
        code = error.code()
    else:
        if isinstance(answer, list) and answer[0].HasField("refusal"):
            [code] = (status for status in grpc.StatusCode if status.value[0] == answer[0].refusal.code)
    return code, time.monotonic() - begun


@pytest.mark.parametrize("name", ["ingest-api", "query-api"])
def test_calls_end_in_time_while_the_store_stands_still(name: str, tmp_path: Path) -> None:
    """They keep no thread, and the same calls succeed when the store goes on."""
    with programs.store() as (port, process, _):
        store = f"redis://127.0.0.1:{port}/0"
        bootstrap(StoreSettings(redis_url=store))
        with serving(name, tmp_path, store, LAB_REDIS_TIMEOUT_S=str(STORE_TIMEOUT_S)) as served:
            methods = methods_of(name, served.channel)
            threads = served.process.num_threads()
            process.send_signal(signal.SIGSTOP)
            alone = [outcome(method) for method in methods]
            with ThreadPoolExecutor(TIMES * len(methods)) as pool:
                crowd = list(pool.map(outcome, [*methods] * TIMES))
            process.send_signal(signal.SIGCONT)

            assert {code for code, _ in alone} == {grpc.StatusCode.UNAVAILABLE}
            assert {code for code, _ in crowd} <= {grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED}
            assert max(seconds for _, seconds in (*alone, *crowd)) < DEADLINE_S + SLACK_S
            until(lambda: all(outcome(method)[0] is grpc.StatusCode.OK for method in methods))
            until(lambda: served.process.num_threads() <= threads + MORE_THREADS)
        balance = open_ledger(StoreSettings(redis_url=store), "auditor").audit().balance
        assert (balance.accepted, balance.residual) == (EVENTS if name == "ingest-api" else 0, 0)


def test_calls_that_waited_too_long_are_sent_elsewhere(tmp_path: Path) -> None:
    """When the store goes on, calls that nobody waits for any more do not keep new calls waiting."""
    with programs.store() as (port, process, _):
        store = f"redis://127.0.0.1:{port}/0"
        bootstrap(StoreSettings(redis_url=store))
        with serving("ingest-api", tmp_path, store) as served, ThreadPoolExecutor(CROWD) as pool:
            ingest: Any = IngestServiceStub(served.channel)
            send = partial(ingest.Append, timeout=20)
            send(appended(1))
            process.send_signal(signal.SIGSTOP)
            crowd = [pool.submit(outcome, partial(send, appended(2 + number))) for number in range(CROWD)]
            threading.Event().wait(STOPPED_S)
            process.send_signal(signal.SIGCONT)
            codes = [call.result()[0] for call in crowd]
            again = [outcome(partial(send, appended(2 + number)))[0] for number in range(CROWD)]

    assert set(codes) == {grpc.StatusCode.OK, grpc.StatusCode.RESOURCE_EXHAUSTED}
    assert set(again) == {grpc.StatusCode.OK}


def test_a_worker_goes_on_when_the_store_does(tmp_path: Path) -> None:
    """The same process counts on, although each of its calls went unanswered for a while."""
    with programs.store() as (port, process, _):
        store = f"redis://127.0.0.1:{port}/0"
        bootstrap(StoreSettings(redis_url=store))
        ledger = open_ledger(StoreSettings(redis_url=store), "producer")
        short = {"LAB_REDIS_TIMEOUT_S": str(STORE_TIMEOUT_S), "LAB_WORKER_BLOCK_MS": "100"}
        with serving("process-worker", tmp_path, store, **short) as worker:
            append(ledger, 1, ["x"] * EVENTS)
            until(lambda: ledger.balance().counted == EVENTS)
            process.send_signal(signal.SIGSTOP)
            until(lambda: "the store does not answer" in (tmp_path / "process-worker.log").read_text())
            process.send_signal(signal.SIGCONT)
            append(ledger, 2, ["x"] * EVENTS)
            until(lambda: ledger.balance().counted == 2 * EVENTS)
            assert worker.process.status() != psutil.STATUS_ZOMBIE
        assert ledger.audit().balance.residual == 0


# ------------------------------------------------------------------------------------------------------------ overload


def test_three_times_as_much_as_may_wait_is_refused_and_then_counted(store: str, tmp_path: Path) -> None:
    """Waiting events and dead letters stay within the limit; what was refused is accepted once there is room."""
    ledger = open_ledger(StoreSettings(redis_url=store), "planter")
    with serving("ingest-api", tmp_path, store, LAB_INGEST_BACKLOG_LIMIT=str(LIMIT)) as ingest:
        stub: Any = IngestServiceStub(ingest.channel)
        requests = [AppendRequest.FromString(c) for c in batched_calls(OFFERED, EVENTS, run="r", producer=b"p" * 16)]
        for request in requests[: DEAD // EVENTS]:
            stub.Append(request, timeout=10)
        for entry in ledger.read(count=DEAD // EVENTS, block_ms=100):
            ledger.dead_letter(entry.entry_id, "planted")

        refused = [request for request in requests[DEAD // EVENTS :] if not is_accepted(stub, request)]
        full = ledger.audit().balance
        assert (full.accepted, full.backlog + full.dead, full.residual) == (LIMIT, LIMIT, 0)
        assert len(refused) * EVENTS == OFFERED * EVENTS - LIMIT == refused_events(ingest.metrics)

        with serving("process-worker", tmp_path, store):
            for request in refused:
                until(partial(is_accepted, stub, request))
            until(lambda: ledger.balance().backlog == 0)
    drained = ledger.audit().balance
    assert (drained.accepted, drained.counted, drained.dead) == (OFFERED * EVENTS, OFFERED * EVENTS - DEAD, DEAD)


def is_accepted(stub: Any, request: AppendRequest) -> bool:
    """Append a batch. Return False where it is refused for want of room."""
    try:
        stub.Append(request, timeout=10)
    except grpc.RpcError as error:
        if error.code() is not grpc.StatusCode.RESOURCE_EXHAUSTED:
            raise
        return False
    return True


def refused_events(metrics: str) -> int:
    """Return how many events a service says that it refused."""
    page = urllib.request.urlopen(f"http://{metrics}/metrics", timeout=10).read().decode()
    values = re.findall(rf"^{INGEST_EVENTS_REFUSED.prometheus_name}{{.*}} ([\d.e+]+)$", page, re.MULTILINE)
    return round(sum(float(value) for value in values))
