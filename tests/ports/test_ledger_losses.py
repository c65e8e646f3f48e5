"""A store that lost acknowledged events takes no more, whoever asks."""

from collections.abc import Callable
from typing import Any

import pytest
import redis

from services.contracts.store_keys import prefix_of
from services.ledger import errors
from services.ledger.redis_ledger import RedisLedger
from tests.ports.entries import RUN, append_of, batch, commit_of, fill

LEDGER = prefix_of("lab") + "ledger"
STREAM = prefix_of("lab") + "ev"


def roll_back(raw: redis.Redis, accepted: int) -> None:
    """Make the store forget all but the first *accepted* events, as a lost end of its append-only file does."""
    raw.hset(LEDGER, mapping={"accepted": accepted, "backlog": accepted})


def test_appends_are_refused_before_anything_is_written(ledger: RedisLedger, raw: redis.Redis) -> None:
    """When `accepted` is lower than before, acknowledged events are gone."""
    fill(ledger, 3)
    roll_back(raw, 100)

    with pytest.raises(errors.StoreRolledBack, match="150 to 100"):
        ledger.append(append_of(batch(4), 4))

    assert raw.xlen(STREAM) == 3


def test_a_process_that_started_since_is_refused_as_well(
    ledger_of: Callable[..., RedisLedger], raw: redis.Redis
) -> None:
    """A restarted ingest-api remembers nothing. The store was marked by the one that noticed."""
    before = ledger_of("before")
    fill(before, 3)
    roll_back(raw, 100)
    with pytest.raises(errors.StoreRolledBack):
        before.append(append_of(batch(4), 4))

    for name in ("restarted", "restarted-again"):
        with pytest.raises(errors.StoreRolledBack, match="150 to 100"):
            ledger_of(name).append(append_of(batch(4), 4))

    assert raw.xlen(STREAM) == 3


@pytest.mark.parametrize("run", ["", RUN, "never"])
def test_whoever_reads_the_store_notices_and_marks_it(
    ledger_of: Callable[..., RedisLedger], raw: redis.Redis, run: str
) -> None:
    """A worker or query-api that saw the store before the loss, where ingest-api was restarted with the store."""
    reader = ledger_of("reader")
    fill(ledger_of("before"), 3)
    reader.changes("", since=0)
    roll_back(raw, 100)

    with pytest.raises(errors.StoreRolledBack, match="150 to 100"):
        reader.changes(run, since=0)

    with pytest.raises(errors.StoreRolledBack):
        ledger_of("restarted").append(append_of(batch(4), 4))


def test_a_mark_is_made_at_the_memory_limit_too(ledger_of: Callable[..., RedisLedger], raw: redis.Redis) -> None:
    """A full store can lose events as well."""
    reader = ledger_of("reader")
    fill(ledger_of("before"), 3)
    reader.changes("", since=0)
    roll_back(raw, 100)
    raw.config_set("maxmemory", 1)
    with pytest.raises(errors.StoreRolledBack):
        reader.changes("", since=0)
    raw.config_set("maxmemory", 0)

    with pytest.raises(errors.StoreRolledBack):
        ledger_of("restarted").append(append_of(batch(4), 4))


def test_what_is_left_is_still_counted(ledger_of: Callable[..., RedisLedger], raw: redis.Redis) -> None:
    """Workers go on with the entries that the store has kept."""
    before = ledger_of("before")
    fill(before, 3)
    roll_back(raw, 100)
    with pytest.raises(errors.StoreRolledBack):
        before.append(append_of(batch(4), 4))

    worker = ledger_of("worker")
    assert worker.commit(commit_of(worker.read(count=2, block_ms=10))).counted == 100


def test_replies_that_arrive_out_of_order_are_no_loss(
    ledger_of: Callable[..., RedisLedger], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Several threads read the store. One of them may look at an older reply after another has seen a newer one."""
    reader, writer = ledger_of("reader"), ledger_of("writer")
    fill(writer, 1)
    ask, newer = reader._call, list[int]()

    def overtaken(name: str, *arguments: object, read_only: bool = False) -> Any:
        reply = ask(name, *arguments, read_only=read_only)
        if not newer:
            writer.append(append_of(batch(2), 2))
            newer.append(0)
            newer[0] = reader.balance().accepted
        return reply

    monkeypatch.setattr(reader, "_call", overtaken)

    assert reader.balance().accepted == 50
    assert newer == [100]
