"""The durability class of a store is read again and again, and never keeps a caller waiting."""

import threading
import time

import pytest

from services.ledger.durability import DurabilityWatch
from services.ledger.errors import LedgerError
from tests.fakes.clock import FakeClock

EVERY_S = 1.0


class Store:
    """Has a durability class, unless it is away or stands still."""

    def __init__(self) -> None:
        self.durability, self.reads, self.away = "durable", 0, False
        self.going = threading.Event()
        self.going.set()

    def read(self) -> str:
        """Return the class."""
        self.going.wait(5.0)
        self.reads += 1
        if self.away:
            raise LedgerError("the store is away")
        return self.durability


@pytest.fixture
def clock() -> FakeClock:
    """The clock of the watch."""
    return FakeClock()


def watch(store: Store, clock: FakeClock, at_start: str = "durable") -> DurabilityWatch:
    """Return a watch that reads at most once a second."""
    return DurabilityWatch(store.read, at_start, every_s=EVERY_S, now_s=clock)


def test_a_store_that_loses_its_durability_is_noticed_and_read_once_a_second(clock: FakeClock) -> None:
    """However often somebody asks."""
    store = Store()
    durability = watch(store, clock)
    assert [durability() for _ in range(5)] == ["durable"] * 5
    store.durability = "window"
    assert durability() == "durable"
    clock.pause(EVERY_S + 0.1)
    assert [durability() for _ in range(5)] == ["window"] * 5
    assert store.reads == 2


def test_a_store_that_does_not_answer_keeps_its_last_class(clock: FakeClock) -> None:
    """The next reading asks again."""
    store = Store()
    durability = watch(store, clock)
    store.durability = "window"
    assert durability() == "window"
    store.away = True
    clock.pause(EVERY_S + 0.1)
    assert durability() == "window"
    store.away, store.durability = False, "durable"
    clock.pause(EVERY_S + 0.1)
    assert durability() == "durable"


def test_a_store_that_tells_nothing_has_the_class_of_the_start(clock: FakeClock) -> None:
    """A service may lack the right to ask; bootstrap had it."""
    store = Store()
    store.durability = "unknown"
    assert watch(store, clock, at_start="volatile")() == "volatile"


def test_a_store_that_stands_still_keeps_nobody_waiting(clock: FakeClock) -> None:
    """Callers get the last class at once, as many as there are."""
    store = Store()
    durability = watch(store, clock)
    assert durability() == "durable"
    store.going.clear()
    clock.pause(EVERY_S + 0.1)
    started_s = time.monotonic()
    assert durability() == "durable"
    clock.pause(EVERY_S)
    assert [durability() for _ in range(50)] == ["durable"] * 50
    assert time.monotonic() - started_s < 3.0
    store.going.set()
