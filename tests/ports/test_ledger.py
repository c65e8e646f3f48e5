"""Promises of the ledger, shown on a real store."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import redis

from services.contracts.aggregates import aggregate
from services.contracts.key_table import KeyTable
from services.contracts.store_keys import prefix_of
from services.ledger import errors
from services.ledger.records import BadEvent, Commit
from services.ledger.redis_ledger import RedisLedger
from tests.ports.entries import RUN, SECOND, append_of, batch, commit_of, exact_sum, fill


def test_what_is_appended_is_counted_once_to_the_last_digit(ledger: RedisLedger) -> None:
    """After append, read and commit, totals and windows hold the exact sums, and the account closes."""
    written = fill(ledger, 20)
    entries = ledger.read(count=64, block_ms=10)
    assert ledger.commit(commit_of(entries)).counted == 1_000

    changes = ledger.changes(RUN, since=0)

    assert sum(aggregate.sum_micro for aggregate in changes.totals.values()) == exact_sum(written)
    assert sum(
        aggregate.sum_micro for aggregates in changes.windows.values() for aggregate in aggregates.values()
    ) == exact_sum(written)
    assert (changes.balance.accepted, changes.balance.counted, changes.balance.residual) == (1_000, 1_000, 0)
    assert changes.instances == {"worker": 1_000}


def test_a_repeated_append_is_recognised_and_counted_once_as_duplicate(ledger: RedisLedger) -> None:
    """A repeat of (producer, sequence) with the same payload is not added again, however often it comes."""
    append = append_of(batch(1), 1)
    answers = [ledger.append(append).duplicate for _ in range(3)]

    assert answers == [False, True, True]
    balance = ledger.audit().balance
    assert (balance.accepted, balance.duplicates) == (50, 50)


def test_the_same_sequence_with_another_payload_is_refused(ledger: RedisLedger) -> None:
    """A producer that reuses a sequence gets its own error, and nothing is written."""
    ledger.append(append_of(batch(1), 1))

    with pytest.raises(errors.SequenceConflict, match="seq 1 was accepted with another payload"):
        ledger.append(append_of(batch(2), 1))

    assert ledger.audit().audited_backlog == 50


@pytest.mark.parametrize("change", [{"run": "another"}, {"window_ns": 2 * SECOND}], ids=["run", "width"])
def test_the_same_sequence_and_payload_elsewhere_is_refused(ledger: RedisLedger, change: dict[str, Any]) -> None:
    """The same payload for another run, or with another width, is another batch, which was never accepted."""
    ledger.append(append_of(batch(1), 1))

    with pytest.raises(errors.SequenceConflict, match="another payload, run or window width"):
        ledger.append(replace(append_of(batch(1), 1), **change))

    assert ledger.audit().balance.duplicates == 0
    assert not ledger.append(replace(append_of(batch(1), 2), run="another")).duplicate


def test_a_repeat_of_a_batch_that_an_earlier_version_accepted_is_recognised(
    ledger: RedisLedger, raw: redis.Redis
) -> None:
    """Its digest covered the payload alone. A rolling update counts nothing twice."""
    append = append_of(batch(1), 1)
    ledger.append(append)
    ring = f"{prefix_of('lab')}p:{append.producer.hex()}"
    sequence, digest, flag = raw.hget(ring, "1").decode().split()
    raw.hset(ring, "1", f"{sequence} {digest.partition('.')[0]} {flag}")

    assert ledger.append(append).duplicate
    with pytest.raises(errors.SequenceConflict):
        ledger.append(append_of(batch(2), 1))


def test_a_sequence_that_left_the_window_is_refused_not_confirmed(ledger: RedisLedger) -> None:
    """1,024 sequences later the outcome of the first is no longer known."""
    ledger.append(append_of(batch(1), 1))
    ledger.append(append_of(batch(2), 1_025))

    with pytest.raises(errors.SequenceTooOld, match="outcome is unknown"):
        ledger.append(append_of(batch(1), 1))


def test_the_backlog_is_bounded_in_events(ledger_of: Callable[..., RedisLedger]) -> None:
    """A batch that would exceed the limit is refused as a whole. The same batch fits once there is room."""
    ledger = ledger_of(backlog_limit=120)
    fill(ledger, 2)
    with pytest.raises(errors.BacklogFull, match="100 of 120"):
        ledger.append(append_of(batch(3), 3))

    ledger.commit(commit_of(ledger.read(count=10, block_ms=10)))

    assert not ledger.append(append_of(batch(3), 3)).duplicate


def test_what_is_in_use_is_what_the_limits_are_compared_with(
    ledger_of: Callable[..., RedisLedger], raw: redis.Redis
) -> None:
    """Events that wait and dead letters, with the bytes that the limit counts; nothing once all is counted."""
    ledger = ledger_of(backlog_limit=1_000)
    fill(ledger, 2)
    waiting = ledger.usage()
    with pytest.raises(errors.BacklogFull, match=f"{waiting.backlog_bytes:,} of {waiting.backlog_bytes + 1:,}"):
        ledger_of(backlog_bytes=waiting.backlog_bytes + 1).append(append_of(batch(3), 3))
    first, second = ledger.read(count=10, block_ms=10)
    ledger.dead_letter(first.entry_id, "a reason")
    ledger.commit(commit_of([second]))
    dead = ledger.usage()
    ledger.requeue(ledger.dead_letters()[0].dead_id)
    ledger.commit(commit_of(ledger.read(count=10, block_ms=10)))
    nothing = ledger.usage()

    assert (waiting.backlog_events, waiting.runs) == (100, 1)
    assert (dead.backlog_events, 0 < dead.backlog_bytes < waiting.backlog_bytes) == (50, True)
    assert (nothing.backlog_events, nothing.backlog_bytes, nothing.runs) == (0, 0, 1)
    assert nothing.memory_bytes > 0
    assert nothing.memory_limit_bytes == int(raw.config_get("maxmemory")["maxmemory"])


def test_dead_letters_that_fill_the_limit_are_named_as_the_cause(ledger_of: Callable[..., RedisLedger]) -> None:
    """Waiting would not help, so the error differs from that of a full backlog."""
    ledger = ledger_of(backlog_limit=60)
    fill(ledger, 1)
    [entry] = ledger.read(count=1, block_ms=10)
    assert ledger.dead_letter(entry.entry_id, "decode: planted") == 50

    with pytest.raises(errors.DeadLetterFull, match="50 dead letters"):
        ledger.append(append_of(batch(2), 2))


def test_a_run_has_one_window_width(ledger: RedisLedger) -> None:
    """Another window width of the same run is refused."""
    fill(ledger, 1)

    with pytest.raises(errors.WidthConflict, match="1000000000 ns, not 5"):
        ledger.append(replace(append_of(batch(2), 2), window_ns=5))


@pytest.mark.parametrize("width", [2**53 - 1, 2**53, 365 * 24 * 3_600 * SECOND, 2**62])
def test_a_window_may_be_as_wide_as_a_year(ledger: RedisLedger, width: int) -> None:
    """Widths are kept as text, since a number of Lua is exact to 2^53 only."""
    ledger.append(replace(append_of(batch(1), 1), window_ns=width))
    ledger.append(replace(append_of(batch(2), 2), window_ns=width))

    assert ledger.changes(RUN, since=0).window_ns == width
    with pytest.raises(errors.WidthConflict, match=f"{width} ns, not {width + 1}"):
        ledger.append(replace(append_of(batch(3), 3), window_ns=width + 1))


def test_a_run_holds_ten_thousand_keys_at_most(ledger: RedisLedger) -> None:
    """One more (source, kind) pair is refused, and nothing is written."""
    many = [f"s{i}".encode() for i in range(10_000)]
    ledger.append(replace(append_of(batch(1), 1), names=many))

    with pytest.raises(errors.TooManyKeys, match="more than 10000"):
        ledger.append(append_of(batch(2), 2))

    assert ledger.audit().balance.accepted == 50


@pytest.mark.parametrize("wipe", ["flush", "replace"])
def test_an_emptied_or_replaced_store_is_named(ledger: RedisLedger, raw: redis.Redis, wipe: str) -> None:
    """An append to another store than at the start has its own error."""
    fill(ledger, 1)
    if wipe == "flush":
        raw.flushall()
    else:
        raw.set(prefix_of("lab") + "epoch", "another")

    with pytest.raises(errors.StoreLost):
        ledger.append(append_of(batch(2), 2))


def test_a_bad_event_is_dead_lettered_alone(ledger: RedisLedger) -> None:
    """One step counts the good events of an entry and makes the bad event a dead letter."""
    [columns] = fill(ledger, 1)
    [entry] = ledger.read(count=1, block_ms=10)
    good = replace(
        columns,
        source_index=columns.source_index[1:],
        kind_index=columns.kind_index[1:],
        time_ns=columns.time_ns[1:],
        value=columns.value[1:],
    )
    aggregation = aggregate([good], KeyTable(), window_ns=SECOND)

    ledger.commit(Commit(RUN, [entry], aggregation, [BadEvent(entry.entry_id, 0, "planted", b"payload")]))

    [letter] = ledger.dead_letters()
    balance = ledger.changes(RUN, since=0).balance
    assert (letter.index, letter.reason, letter.payload, letter.events) == (0, "planted", b"payload", 1)
    assert (balance.counted, balance.dead, balance.residual) == (49, 1, 0)


def test_a_dead_letter_comes_back_with_the_account_closed(ledger: RedisLedger) -> None:
    """Dead-letter, requeue, count: the account closes after every step."""
    [columns] = fill(ledger, 1)
    [entry] = ledger.read(count=1, block_ms=10)
    steps = [ledger.dead_letter(entry.entry_id, "planted")]
    accounts = [(ledger.audit(), ledger.dead_letters())]
    [letter] = ledger.dead_letters()
    steps.append(ledger.requeue(letter.dead_id))
    accounts.append((ledger.audit(), ledger.dead_letters()))
    entries = ledger.read(count=1, block_ms=10)
    ledger.commit(commit_of(entries))
    accounts.append((ledger.audit(), ledger.dead_letters()))

    assert steps == [50, 50]
    assert ledger.requeue(letter.dead_id) == 0
    assert all(audit.balance.residual == 0 for audit, _ in accounts)
    in_streams = [(sum(letter.events for letter in letters), audit.audited_backlog) for audit, letters in accounts]
    assert in_streams == [(50, 0), (0, 50), (0, 0)]
    assert sum(aggregate.sum_micro for aggregate in ledger.changes(RUN, since=0).totals.values()) == exact_sum(
        [columns]
    )


def test_a_consumer_that_still_holds_entries_is_not_forgotten(ledger_of: Callable[..., RedisLedger]) -> None:
    """A dead consumer is forgotten only after its entries were claimed."""
    dying, living = ledger_of("dying"), ledger_of("living")
    fill(dying, 1)
    dying.heartbeat()
    dying.read(count=1, block_ms=10)

    assert not living.reap("dying")
    [entry] = living.claim(living.pending())
    living.commit(commit_of([entry]))
    assert entry.deliveries == 2
    assert living.reap("dying")
    assert "dying" not in living.heartbeats()


def test_removed_windows_live_on_in_the_totals(ledger: RedisLedger) -> None:
    """Retention removes the oldest windows. Later events of those windows are counted in the totals alone."""
    written = fill(ledger, 4)
    entries = ledger.read(count=2, block_ms=10)
    assert ledger.commit(commit_of(entries)).windows == 2
    assert ledger.prune(RUN, keep_windows=1) == 1
    ledger.commit(commit_of(ledger.read(count=2, block_ms=10)))

    changes = ledger.changes(RUN, since=0)

    assert changes.low_window == 1_700_000_001
    assert set(changes.windows) == {1_700_000_001}
    assert sum(aggregate.count for aggregate in changes.totals.values()) == 200
    assert sum(aggregate.sum_micro for aggregate in changes.totals.values()) == exact_sum(written)


def test_changes_come_in_pages_that_add_up(ledger: RedisLedger) -> None:
    """Reading changes commit by commit gives the same windows as reading them at once."""
    seen: dict[int, object] = {}
    version = 0
    for sequence in range(1, 6):
        ledger.append(append_of(batch(sequence, windows=5), sequence))
        ledger.commit(commit_of(ledger.read(count=1, block_ms=10)))
        more = True
        while more:
            page = ledger.changes(RUN, since=version)
            seen.update(page.windows)
            version, more = page.version, page.more

    assert seen == ledger.changes(RUN, since=0).windows


def test_a_run_without_events_is_unknown_not_zero(ledger: RedisLedger) -> None:
    """A misspelt run is told apart from an empty run."""
    changes = ledger.changes("never", since=0)

    assert not changes.known
    assert changes.windows == {}


def test_entries_of_a_lost_reply_are_delivered_again(ledger: RedisLedger) -> None:
    """After a broken connection a consumer reads the entries that it has not committed: at-least-once delivery."""
    fill(ledger, 3)
    lost = ledger.read(count=3, block_ms=10)

    again = ledger.claim(ledger.own_pending())

    assert [(entry.entry_id, entry.payload) for entry in again] == [(entry.entry_id, entry.payload) for entry in lost]
    assert [entry.deliveries for entry in again] == [2, 2, 2]


def test_a_consumer_is_shown_its_own_entries_alone(ledger_of: Callable[..., RedisLedger]) -> None:
    """Entries of others are theirs until they are claimed."""
    first, second = ledger_of("first"), ledger_of("second")
    fill(first, 3)
    first.read(count=1, block_ms=10)
    [other] = second.read(count=1, block_ms=10)

    assert [entry.entry_id for entry in second.own_pending()] == [other.entry_id]
