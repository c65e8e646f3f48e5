"""How a worker's loop goes on: with entries of an earlier life, with a full store, with old runs."""

import threading
from collections.abc import Callable

import pytest
import redis

from services.ledger.connection import StoreSettings, open_client
from services.ledger.errors import StoreFull
from services.ledger.redis_ledger import RedisLedger, open_ledger
from tests.waiting import until
from tests.workers import Notes, append, consumer_of, drain

PREFIX = "{lab:lab}:"


@pytest.fixture
def open_as(store: str) -> Callable[[str], RedisLedger]:
    """A function that opens a ledger for a consumer."""
    return lambda consumer: open_ledger(StoreSettings(redis_url=store), consumer)


@pytest.fixture
def raw(store: str) -> redis.Redis:
    """A client that reads keys and sets the store's memory limit."""
    return open_client(StoreSettings(redis_url=store))


@pytest.mark.parametrize("batches", [3, 300])
def test_a_worker_that_was_killed_goes_on_with_its_own_entries(
    open_as: Callable[[str], RedisLedger], batches: int
) -> None:
    """It has a fixed name. What it had read is counted at once, not after the idle time of an hour."""
    killed = open_as("fixed")
    for sequence in range(1, batches + 1):
        append(killed, sequence, ["x"])
    assert len(killed.read(count=batches, block_ms=10)) == batches
    append(killed, batches + 1, ["x"])

    restarted = open_as("fixed")
    notes = Notes()
    drain(consumer_of(restarted, "fixed", notes, idle_s=3_600), restarted)

    audit = restarted.audit()
    assert (audit.balance.counted, audit.balance.residual, restarted.pending()) == (batches + 1, 0, [])
    assert notes.stale_entries == 0


def test_entries_of_an_earlier_life_that_another_worker_took_over_are_counted_once(
    open_as: Callable[[str], RedisLedger],
) -> None:
    """The other worker was faster with some of them."""
    killed, other = open_as("fixed"), open_as("other")
    for sequence in range(1, 11):
        append(killed, sequence, ["x"])
    killed.read(count=10, block_ms=10)
    other.claim(other.pending()[:4])

    restarted = open_as("fixed")
    thread_of_other = consumer_of(other, "other", Notes(), idle_s=3_600)
    drain_both = threading.Thread(target=lambda: drain(thread_of_other, other))
    drain_both.start()
    drain(consumer_of(restarted, "fixed", Notes(), idle_s=3_600), restarted)
    drain_both.join()

    assert restarted.changes("r", since=0).totals[b"pi\x1fx"].count == 10
    assert restarted.audit().balance.residual == 0


def test_a_full_store_is_drained(open_as: Callable[[str], RedisLedger], raw: redis.Redis) -> None:
    """At the memory limit appends are refused, and the worker counts what waits: only that makes room."""
    ledger = open_as("worker")
    for sequence in range(1, 101):
        append(ledger, sequence, [f"k{sequence % 7}"] * 10)
    raw.config_set("maxmemory", 1)
    with pytest.raises(StoreFull):
        append(ledger, 101, ["x"])

    drain(consumer_of(ledger, "worker", Notes()), ledger)

    raw.config_set("maxmemory", 0)
    audit = ledger.audit()
    assert (audit.balance.counted, audit.balance.residual, ledger.pending()) == (1_000, 0, [])
    append(ledger, 101, ["x"])


def test_a_worker_starts_and_takes_over_at_the_memory_limit(
    open_as: Callable[[str], RedisLedger], raw: redis.Redis
) -> None:
    """The entries of a dead worker, some of them suspects, and an entry that cannot be decoded."""
    dead = open_as("dead")
    for sequence in range(1, 31):
        append(dead, sequence, ["x"] * 5)
    dead.read(count=20, block_ms=10)
    for _ in range(3):
        dead.claim(dead.own_pending()[:3])
    raw.xadd(PREFIX + "ev", {"n": 2, "run": "r", "w": 10**9, "t": 0, "d": b"junk"})
    for key in ("ledger", "run:r"):
        raw.hincrby(PREFIX + key, "accepted", 2)
        raw.hincrby(PREFIX + key, "backlog", 2)
    raw.config_set("maxmemory", 1)

    living = open_as("living")
    drain(consumer_of(living, "living", Notes(), idle_s=0.2), living)

    audit = living.audit()
    assert (audit.balance.counted, audit.balance.dead, audit.balance.residual) == (150, 2, 0)
    assert living.pending() == []


def test_old_runs_are_forgotten_while_a_worker_works(open_as: Callable[[str], RedisLedger], raw: redis.Redis) -> None:
    """A hundred runs are kept."""
    ledger = open_as("worker")
    for sequence in range(1, 106):
        append(ledger, sequence, ["x"], run=f"run-{sequence:03d}")
    consumer = consumer_of(ledger, "worker", Notes(), idle_s=0.02)
    drain(consumer, ledger)
    for name, used in raw.zrange(PREFIX + "runs", 0, -1, withscores=True):
        raw.zadd(PREFIX + "runs", {name: used - 3 * 3_600 * 10**6 + int(name[-3:])})

    stopping = threading.Event()
    thread = threading.Thread(target=lambda: consumer.run(stopping))
    thread.start()
    try:
        until(lambda: raw.zcard(PREFIX + "runs") == 100)
    finally:
        stopping.set()
        thread.join()

    assert not ledger.changes("run-005", since=0).known
    assert ledger.changes("run-006", since=0).known
