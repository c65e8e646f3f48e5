"""What every ledger source does: query-api of a real stack, and the ledger in memory that other tests use."""

import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import NamedTuple

import grpc
import pytest

from lab.errors import Unavailable
from lab.metrics.ledger import QueryLedger
from lab.metrics.port import LedgerSource
from lab.model import Balance, StoreView
from lab.rpc.channels import connector
from lab.targets.processes.deployment import ProcessDeployment
from services.contracts.generated.lab.query.v1.query_pb2 import GetLedgerRequest
from services.contracts.generated.lab.query.v1.query_pb2_grpc import QueryServiceStub
from services.contracts.store_users import INGEST
from services.ledger.connection import StoreSettings
from services.ledger.redis_ledger import open_ledger
from tests.fakes.ledger import FakeLedger
from tests.ports.entries import append_of, batch
from tests.programs import free_port
from tests.waiting import until


class Books(NamedTuple):
    """A ledger, how events get into it, and the same kind of ledger whose service does not answer."""

    source: LedgerSource
    accept: Callable[[str, int], object]
    silent: LedgerSource


@pytest.fixture(params=["query-api", "memory"])
def books(request: pytest.FixtureRequest) -> Iterator[Books]:
    """Yield each ledger; a worker counts what it accepts."""
    if request.param == "memory":
        fake = FakeLedger()
        yield Books(fake, fake.accept, FakeLedger(absent_views=1))
        return
    stack = request.getfixturevalue("stack")
    endpoints, connect = stack.endpoints, connector(stack.endpoints.access)
    login = {"redis_user": INGEST, "redis_password_file": stack.stack_folder.password_of(INGEST)}
    sender = open_ledger(StoreSettings(redis_url=endpoints.redis_url, **login), "sender")

    def accept(run: str, events: int) -> object:
        return sender.append(append_of(batch(1, events=events), 1, run=run, producer=uuid.uuid4().bytes))

    with (
        closing(QueryLedger(endpoints.query, connect=connect)) as source,
        closing(QueryLedger(f"127.0.0.1:{free_port()}", deadline_s=0.2)) as silent,
    ):
        yield Books(source, accept, silent)


def counted(books: Books, run: str, events: int) -> StoreView:
    """Accept events and return the view in which all of them are counted; every view before it balances."""
    books.accept(run, events)
    views: list[StoreView] = []

    def is_counted() -> bool:
        views.append(books.source.view(run))
        assert views[-1].balance.residual == 0
        return views[-1].balance.counted == events

    until(is_counted)
    return views[-1]


def test_a_run_that_nobody_wrote_is_unknown_and_empty(books: Books, run: str) -> None:
    """It is no error: a load may not have begun."""
    view = books.source.view(run)
    assert (view.known, view.balance, view.last_commit_ns, view.version) == (False, Balance(), 0, 0)
    assert not view.instances
    assert not books.source.totals(run)
    assert not books.source.windows(run)


def test_every_accepted_event_is_counted_in_the_end(books: Books, run: str) -> None:
    """By instances of the worker, which together counted as much."""
    view = counted(books, run, 50)
    assert view.known
    assert view.balance == Balance(accepted=50, counted=50)
    assert sum(view.instances.values()) == 50


def test_the_last_commit_has_a_time_and_the_answer_an_age(books: Books, run: str) -> None:
    """Both clocks are of this machine."""
    began_ns = time.time_ns()
    view = counted(books, run, 50)
    assert began_ns < view.last_commit_ns <= time.time_ns()
    assert view.staleness_ms >= 0


def test_totals_and_windows_hold_the_counted_events(books: Books, run: str) -> None:
    """Windows have a start, totals have none; the sums are the same."""
    counted(books, run, 50)
    totals, windows = books.source.totals(run), books.source.windows(run)
    assert sum(total.count for total in totals) == sum(window.count for window in windows) == 50
    assert sum(total.sum_micro for total in totals) == sum(window.sum_micro for window in windows)
    assert {total.window_start_ns for total in totals} == {0}
    assert all(window.window_start_ns > 0 for window in windows)


def test_the_backlog_is_audited_only_on_request(books: Books, run: str) -> None:
    """An audit reads the whole stream; once everything is counted it finds nothing."""
    assert counted(books, run, 50).audited_backlog is None
    assert books.source.view(run, audit=True).audited_backlog == 0


def test_a_commit_makes_a_new_version_in_the_same_store(books: Books, run: str) -> None:
    """A version that stays says that nothing was counted since."""
    before = books.source.view(run)
    after = counted(books, run, 50)
    assert after.version > before.version
    assert books.source.view(run).version == after.version
    assert after.epoch == before.epoch != ""


def test_runs_are_accounted_apart(books: Books, run: str) -> None:
    """Events of another run change nothing."""
    before = counted(books, run, 50)
    counted(books, f"{run}-b", 20)
    assert books.source.view(run).balance == before.balance


def test_the_whole_store_is_the_sum_of_its_runs(books: Books, run: str) -> None:
    """It has no worker instances and no last commit of its own; it is always known."""
    before = books.source.view("")
    counted(books, run, 50)
    counted(books, f"{run}-b", 20)
    until(lambda: books.source.view("").balance.counted == before.balance.counted + 70)
    after = books.source.view("")
    assert after.balance.accepted == before.balance.accepted + 70
    assert (before.known, after.known, dict(after.instances), after.last_commit_ns) == (True, True, {}, 0)


def test_a_ledger_that_was_closed_may_be_closed_and_read_again(books: Books, run: str) -> None:
    """So that a caller who closes it too early gets an answer, not an error of its client."""
    before = counted(books, run, 50)
    books.source.close()
    books.source.close()
    assert books.source.view(run).balance == before.balance


def test_a_ledger_of_a_service_holds_one_channel_until_it_is_closed(stack: ProcessDeployment, run: str) -> None:
    """However often it is read; a channel that stays would keep its threads."""
    channels: list[grpc.Channel] = []

    open_channel = connector(stack.endpoints.access)

    def connect(address: str) -> grpc.Channel:
        channels.append(open_channel(address))
        return channels[-1]

    with closing(QueryLedger(stack.endpoints.query, connect=connect)) as ledger:
        ledger.view(run)
        ledger.totals(run)
    [channel] = channels
    with pytest.raises(ValueError, match="closed channel"):
        QueryServiceStub(channel).GetLedger(GetLedgerRequest(run=run))


def test_a_service_that_does_not_answer_is_unavailable(books: Books, run: str) -> None:
    """Missing is not 0."""
    with pytest.raises(Unavailable):
        books.silent.view(run)
