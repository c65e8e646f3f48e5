"""What the ledger keeps in the store has a bound, and is given back."""

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import pytest
import redis

from services.contracts.batches import encode
from services.contracts.store_keys import prefix_of
from services.ledger import errors
from services.ledger.records import Append
from services.ledger.redis_ledger import RedisLedger
from tests.ports.entries import RUN, SECOND, append_of, batch, commit_of, fill

PREFIX = prefix_of("lab")
HOUR_US = 3_600_000_000
MAX_KEYS = 10_000
"""(source, kind) pairs that a run may hold."""
LARGE = 200_000
"""Bytes of a large payload."""


def bytes_held(raw: redis.Redis) -> tuple[int, int]:
    """Return the bytes of the backlog and of the dead letters, as the ledger keeps them."""
    held, dead = raw.hmget(PREFIX + "ledger", "bytes", "dead_bytes")
    return int(held or 0), int(dead or 0)


def large(ledger: RedisLedger, sequence: int) -> None:
    """Append a batch of one event whose payload is large, as one of long names is."""
    columns = replace(batch(1, events=1), sources=tuple(f"{i:0200d}" for i in range(LARGE // 203)))
    append = append_of(replace(columns, source_index=columns.source_index * 0), sequence)
    ledger.append(replace(append, names=append.names[:1]))


def test_the_backlog_is_bounded_in_bytes(ledger_of: Callable[..., RedisLedger]) -> None:
    """A few events may be as large as many. What exceeds the limit is refused whole, and fits once there is room."""
    ledger = ledger_of(backlog_bytes=1 << 20)
    for sequence in range(1, 6):
        large(ledger, sequence)
    with pytest.raises(errors.BacklogFull, match=r"backlog 1,00\d,\d{3} of 1,048,576 bytes"):
        large(ledger, 6)

    ledger.commit(commit_of(ledger.read(count=1, block_ms=10)))

    large(ledger, 6)
    assert ledger.audit().balance.backlog == 5


def test_many_small_entries_count_with_what_each_takes_beside_its_events(ledger_of: Callable[..., RedisLedger]) -> None:
    """A stream entry of one event takes a few hundred bytes."""
    ledger = ledger_of(backlog_bytes=100_000)

    def append_until_full() -> None:
        for sequence in range(1, 1_000):
            ledger.append(append_of(batch(sequence, events=1), sequence))

    with pytest.raises(errors.BacklogFull, match="100,000 bytes"):
        append_until_full()

    assert 100 <= ledger.audit().balance.accepted <= 400


def test_the_bytes_of_the_backlog_are_those_of_its_entries(ledger: RedisLedger, raw: redis.Redis) -> None:
    """Commit, dead letter and replay move them; a drained store holds none."""
    fill(ledger, 4)
    held, dead = bytes_held(raw)
    assert held >= sum(len(encode(batch(seed))) for seed in range(1, 5))
    assert dead == 0
    first, *rest = ledger.read(count=4, block_ms=10)
    ledger.dead_letter(first.entry_id, "planted")
    assert sum(bytes_held(raw)) == held
    ledger.commit(commit_of(rest))
    assert bytes_held(raw)[0] == 0
    [letter] = ledger.dead_letters()
    ledger.requeue(letter.dead_id)
    assert bytes_held(raw) == (first.counted_bytes, 0)

    ledger.commit(commit_of(ledger.read(count=1, block_ms=10)))

    assert bytes_held(raw) == (0, 0)


def test_dead_letters_that_fill_the_bytes_are_named_as_the_cause(ledger_of: Callable[..., RedisLedger]) -> None:
    """Waiting would not help, so the error differs from that of a full backlog."""
    ledger = ledger_of(backlog_bytes=300_000)
    large(ledger, 1)
    [entry] = ledger.read(count=1, block_ms=10)
    ledger.dead_letter(entry.entry_id, "planted")

    with pytest.raises(
        errors.DeadLetterFull, match=r"dead letters take 20\d,\d{3} of 300,000 bytes; see: lab dead list"
    ):
        large(ledger, 2)


def test_bytes_that_an_earlier_version_did_not_take_off_do_not_stay(
    ledger_of: Callable[..., RedisLedger], raw: redis.Redis
) -> None:
    """Its workers keep no such account. A store without events has no bytes."""
    ledger = ledger_of(backlog_bytes=1 << 20)
    raw.hset(PREFIX + "ledger", mapping={"bytes": 10**9, "dead_bytes": 10**9})

    fill(ledger, 1)

    assert bytes_held(raw)[0] < 10_000


# ------------------------------------------------------------------------------------------------------ retention


def counted_run(ledger: RedisLedger, name: str, sequence: int) -> None:
    """Append a batch of a run and count it."""
    ledger.append(append_of(batch(sequence), sequence, run=name))
    ledger.commit(replace(commit_of(ledger.read(count=1, block_ms=10)), run=name))


def age(raw: redis.Redis, hours: float) -> None:
    """Make every run so many hours older."""
    for name, used in raw.zrange(PREFIX + "runs", 0, -1, withscores=True):
        raw.zadd(PREFIX + "runs", {name: used - hours * HOUR_US})


def forget_all(ledger: RedisLedger, *, keep_runs: int) -> int:
    """Forget runs until there is nothing to forget. Return the number of calls that forgot something."""
    for calls in range(100):
        if not ledger.forget_runs(keep_runs=keep_runs):
            return calls
    raise AssertionError("forgetting does not end")


def test_runs_that_nobody_used_for_long_are_forgotten_with_all_their_keys(
    ledger: RedisLedger, raw: redis.Redis
) -> None:
    """The runs used last stay, and the store's own account stays whole."""
    for number in range(5):
        counted_run(ledger, f"run-{number}", number + 1)
    kept = set(raw.keys(PREFIX + "*run-[34]*"))
    age(raw, 3)

    assert forget_all(ledger, keep_runs=2) == 3

    assert [ledger.changes(f"run-{number}", since=0).known for number in range(5)] == [False] * 3 + [True] * 2
    assert set(raw.keys(PREFIX + "*run-*")) == kept
    balance = ledger.audit().balance
    assert (balance.accepted, balance.counted, balance.residual) == (250, 250, 0)


def test_a_run_that_was_used_within_two_hours_is_kept(ledger: RedisLedger, raw: redis.Redis) -> None:
    """However many there are: somebody may still read it, or send more."""
    for number in range(5):
        counted_run(ledger, f"run-{number}", number + 1)
    age(raw, 1.9)

    assert forget_all(ledger, keep_runs=1) == 0


def test_a_run_that_holds_events_is_kept(ledger: RedisLedger, raw: redis.Redis) -> None:
    """Events that wait, and dead letters, belong to their run until they are counted."""
    ledger.append(append_of(batch(1), 1, run="dead"))
    [entry] = ledger.read(count=1, block_ms=10)
    ledger.dead_letter(entry.entry_id, "planted")
    for number in range(5):
        counted_run(ledger, f"run-{number}", number + 2)
    ledger.append(append_of(batch(9), 9, run="waiting"))
    age(raw, 1_000)

    forget_all(ledger, keep_runs=1)

    assert {name.decode() for name in raw.zrange(PREFIX + "runs", 0, -1)} == {"dead", "waiting"}
    [letter] = ledger.dead_letters()
    assert ledger.requeue(letter.dead_id) == 50
    assert ledger.changes("dead", since=0).balance.residual == 0


def test_a_commit_counts_as_use(ledger: RedisLedger, raw: redis.Redis) -> None:
    """A run whose backlog is drained late is not forgotten at once."""
    counted_run(ledger, "old", 1)
    ledger.append(append_of(batch(2), 2, run="drained"))
    age(raw, 1_000)
    ledger.commit(replace(commit_of(ledger.read(count=1, block_ms=10)), run="drained"))

    forget_all(ledger, keep_runs=1)

    assert {name.decode() for name in raw.zrange(PREFIX + "runs", 0, -1)} == {"drained"}


def test_a_run_of_many_windows_is_forgotten_in_parts(ledger: RedisLedger, raw: redis.Redis) -> None:
    """No call removes more than 500 windows. In between the run says that windows are missing."""
    columns = batch(1, events=1_200)
    spread = replace(columns, time_ns=columns.time_ns * 0 + SECOND * np.arange(1_200))
    ledger.append(append_of(spread, 1, run="many"))
    ledger.commit(replace(commit_of(ledger.read(count=1, block_ms=10)), run="many"))
    counted_run(ledger, "new", 2)
    age(raw, 3)

    assert ledger.forget_runs(keep_runs=1)
    changes = ledger.changes("many", since=0)
    assert (changes.low_window, len(changes.windows)) == (500, 700)
    assert sum(aggregate.count for aggregate in changes.totals.values()) == 1_200

    assert forget_all(ledger, keep_runs=1) == 2
    assert not raw.keys(PREFIX + "*many*")


def test_a_run_that_comes_again_is_another_run(ledger: RedisLedger, raw: redis.Redis) -> None:
    """Its account starts at 0, a retry of the old one is still a duplicate, and readers can tell the two apart."""
    counted_run(ledger, RUN, 1)
    first = ledger.changes(RUN, since=0)
    counted_run(ledger, "new", 2)
    age(raw, 3)
    forget_all(ledger, keep_runs=1)
    assert ledger.append(append_of(batch(1), 1)).duplicate
    assert not ledger.changes(RUN, since=0).known

    counted_run(ledger, RUN, 3)

    again = ledger.changes(RUN, since=0)
    assert again.born != first.born
    assert (again.balance.accepted, again.balance.counted, again.balance.residual) == (50, 50, 0)


def named_append(sequence: int, names: Sequence[bytes]) -> Append:
    """Return the append of a batch to the measured run; the ledger counts the names that it is told."""
    return replace(append_of(batch(sequence), sequence), names=names)


def forget(ledger: RedisLedger, raw: redis.Redis, sequence: int) -> None:
    """Count what waits of the measured run, and let the store forget the run for another."""
    ledger.commit(commit_of(ledger.read(count=100, block_ms=10)))
    counted_run(ledger, "new", sequence)
    age(raw, 3)
    assert forget_all(ledger, keep_runs=1) > 0
    assert not ledger.changes(RUN, since=0).known


def test_a_run_that_comes_again_holds_no_more_names_than_any_other(ledger: RedisLedger, raw: redis.Redis) -> None:
    """The process that knew the names of the forgotten run sends them again, so that the store counts them."""
    names = [b"%d\x1fx" % number for number in range(MAX_KEYS)]
    ledger.append(named_append(1, names))
    forget(ledger, raw, 2)

    assert not ledger.append(named_append(3, names)).duplicate

    assert raw.scard(PREFIX + "keys:" + RUN) == MAX_KEYS
    with pytest.raises(errors.TooManyKeys, match="10000"):
        ledger.append(named_append(4, [b"another\x1fx"]))
    assert ledger.audit().balance.residual == 0


def test_a_run_that_another_process_began_anew_gets_the_names_as_well(
    ledger_of: Callable[..., RedisLedger], raw: redis.Redis
) -> None:
    """Each ingest-api remembers names of its own."""
    first, second = ledger_of("first"), ledger_of("second")
    first.append(named_append(1, [b"a\x1fx", b"b\x1fx"]))
    forget(first, raw, 2)
    second.append(named_append(3, [b"c\x1fx"]))

    first.append(named_append(4, [b"a\x1fx"]))
    first.append(named_append(5, [b"b\x1fx"]))

    assert raw.smembers(PREFIX + "keys:" + RUN) == {b"a\x1fx", b"b\x1fx", b"c\x1fx"}


def test_a_repeat_of_a_batch_of_a_forgotten_run_makes_no_name_known(
    ledger_of: Callable[..., RedisLedger], raw: redis.Redis
) -> None:
    """It is a duplicate, and adds nothing to the run that comes again."""
    ledger, restarted = ledger_of("before"), ledger_of("restarted")
    ledger.append(named_append(1, [b"a\x1fx"]))
    forget(ledger, raw, 2)
    assert restarted.append(named_append(1, [b"a\x1fx"])).duplicate

    restarted.append(named_append(3, [b"a\x1fx"]))

    assert raw.smembers(PREFIX + "keys:" + RUN) == {b"a\x1fx"}
