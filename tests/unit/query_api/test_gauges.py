"""The gauges of query-api: a store that stands still costs a scrape nothing, and is not described by old values."""

import threading
import time

import pytest

from services.ledger.errors import LedgerError
from services.ledger.records import Balance
from services.query_api.gauges import FRESH_S, StoreGauges
from tests.fakes.clock import FakeClock


class Store:
    """Answers with a balance that grows, unless it stands still or is away."""

    def __init__(self) -> None:
        self.reads, self.away = 0, False
        self.going = threading.Event()
        self.going.set()

    def balance(self) -> Balance:
        """See `Account`."""
        self.going.wait(5.0)
        if self.away:
            raise LedgerError("the store is away")
        self.reads += 1
        return Balance(accepted=self.reads, counted=0, dead=0, backlog=self.reads, duplicates=0)


@pytest.fixture
def clock() -> FakeClock:
    """The clock of the gauges."""
    return FakeClock()


def test_the_gauges_of_one_scrape_cost_one_read(clock: FakeClock) -> None:
    """A later scrape reads anew."""
    store = Store()
    gauges = StoreGauges(store, now_s=clock)
    for reads in (1, 2, 3):
        balances = [gauges.balance() for _ in range(3)]
        assert [balance and balance.backlog for balance in balances] == [reads] * 3
        clock.pause(FRESH_S + 0.1)


def test_a_store_that_stands_still_gives_no_value_and_delays_no_scrape(clock: FakeClock) -> None:
    """An old value would say that the backlog does not grow, and a scrape that fails would hide every other metric."""
    store = Store()
    gauges = StoreGauges(store, now_s=clock)
    assert gauges.balance() is not None
    clock.pause(1.0)
    store.going.clear()
    started_s = time.monotonic()
    assert gauges.balance() is None
    clock.pause(1.0)
    assert [gauges.balance() for _ in range(20)] == [None] * 20
    assert time.monotonic() - started_s < 3.0
    store.going.set()
    for _ in range(200):
        clock.pause(1.0)
        if gauges.balance() is not None:
            return
        threading.Event().wait(0.01)
    pytest.fail("the gauges never came back")


def test_a_store_that_is_away_gives_no_value(clock: FakeClock) -> None:
    """And the next scrape asks again."""
    store = Store()
    gauges = StoreGauges(store, now_s=clock)
    store.away = True
    assert gauges.balance() is None
    store.away = False
    clock.pause(1.0)
    assert gauges.balance() is not None
