"""A commit has its whole effect or none, shown on a real store."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace

import numpy as np
import pytest
import redis

from services.contracts.aggregates import PACKED, AggregateBlock, aggregate, unpack
from services.contracts.batches import decode
from services.contracts.key_table import KeyTable, name_of
from services.contracts.store_keys import prefix_of
from services.ledger import errors
from services.ledger.records import BadEvent, BeyondRange, Commit, Entry
from services.ledger.redis_ledger import RedisLedger
from tests.events import columns_of
from tests.ports.entries import RUN, SECOND, append_of, batch, commit_of, exact_sum, fill, folded


def test_partial_overlap_has_no_side_effect_and_the_rest_is_counted_once(
    ledger_of: Callable[..., RedisLedger], raw: redis.Redis
) -> None:
    """A reads 64 entries, B claims and commits 20 of them. A's commit of 64 changes nothing, its retry of 44 counts."""
    first, second = ledger_of("A"), ledger_of("B")
    written = fill(first, 64)
    entries = first.read(count=64, block_ms=10)
    claimed = second.claim(first.pending()[10:30])
    second.commit(commit_of(claimed))
    before = raw.dbsize(), first.changes(RUN, since=0), first.audit().balance

    refused = first.commit(commit_of(entries))

    assert set(refused.stale) == {entry.entry_id for entry in claimed}
    assert before == (raw.dbsize(), first.changes(RUN, since=0), first.audit().balance)
    rest = [entry for entry in entries if entry.entry_id not in refused.stale]
    assert first.commit(commit_of(rest)).counted == 44 * 50
    totals = first.changes(RUN, since=0).totals
    assert sum(aggregate.sum_micro for aggregate in totals.values()) == exact_sum(written)


PRODUCER = append_of(batch(1), 1).producer.hex()


@contextmanager
def put_aside(raw: redis.Redis, key: str) -> Iterator[None]:
    """Let a text be under a key for a while."""
    raw.rename(key, "aside") if raw.exists(key) else None
    raw.set(key, "planted")
    try:
        yield
    finally:
        raw.delete(key)
        raw.rename("aside", key) if raw.exists("aside") else None


BLIND = """#!lua name=blind
redis.register_function{function_name='lab_blind', callback=function(KEYS, ARGV)
  local ids = {}
  for i = 1, tonumber(ARGV[4]) do ids[i] = ARGV[4 + i] end
  redis.call('XACK', KEYS[1] .. 'ev', 'agg', unpack(ids))
  redis.call('XDEL', KEYS[1] .. 'ev', unpack(ids))
  return redis.call('HINCRBY', KEYS[1] .. 'run:' .. ARGV[2], 'counted', #ids * 50)
end}
"""


def test_the_overlap_test_sees_a_commit_that_does_not_check(
    ledger_of: Callable[..., RedisLedger], raw: redis.Redis
) -> None:
    """Control: a commit without the check double-counts the 20 claimed entries, and the account shows it."""
    first, second = ledger_of("A"), ledger_of("B")
    fill(first, 64)
    entries = first.read(count=64, block_ms=10)
    second.commit(commit_of(second.claim(first.pending()[10:30])))
    raw.function_load(BLIND)
    ids = [entry.entry_id for entry in entries]

    counted = raw.execute_command("FCALL", "lab_blind", 1, prefix_of("lab"), "", RUN, "A", len(ids), *ids)

    assert counted == 64 * 50 + 20 * 50, "the blind commit must double-count, else the overlap test could not fail"
    assert first.changes(RUN, since=0).balance.residual != 0


def planted_repeat(entries: list[Entry]) -> Commit:
    """Return a commit with the same entry twice."""
    return Commit(RUN, [entries[0], entries[0]], folded([entries[0], entries[0]]))


def planted_short_counts(entries: list[Entry]) -> Commit:
    """Return a commit with an entry that says it holds no events."""
    return Commit(RUN, [replace(entries[0], events=0)], folded(entries[:1]))


def planted_same_aggregate(entries: list[Entry]) -> Commit:
    """Return a commit with the same aggregate twice in one window."""
    good = folded(entries[:1])
    doubled = {
        number: AggregateBlock([*block.names, block.names[0]], np.vstack((block.packed, block.packed[:1])))
        for number, block in good.windows.items()
    }
    return Commit(RUN, entries[:1], replace(good, windows=doubled))


def planted_sum(entries: list[Entry]) -> Commit:
    """Return a commit with aggregates of more events than its entries hold."""
    return Commit(RUN, entries[:1], folded(entries[:2]))


def planted_foreign_bad(entries: list[Entry]) -> Commit:
    """Return a commit with a bad event of an entry that is not part of it."""
    return Commit(RUN, entries[:1], folded(entries[:1]), [BadEvent(entries[1].entry_id, 0, "planted", b"")])


@pytest.mark.parametrize(
    "planted",
    [planted_repeat, planted_short_counts, planted_same_aggregate, planted_sum, planted_foreign_bad],
    ids=lambda planted: planted.__name__,
)
def test_a_commit_that_breaks_the_rules_changes_nothing(
    ledger: RedisLedger, planted: Callable[[list[Entry]], Commit]
) -> None:
    """All checks come before the first write, since a function is not rolled back."""
    fill(ledger, 3)
    entries = ledger.read(count=3, block_ms=10)

    with pytest.raises(errors.LedgerMisuse):
        ledger.commit(planted(entries))

    audit = ledger.audit()
    assert (len(ledger.pending()), audit.balance.counted, audit.audited_backlog) == (3, 0, 150)
    assert ledger.commit(commit_of(entries)).counted == 150


@pytest.mark.parametrize(
    "key", ["ledger", f"dirty:{RUN}", f"wins:{RUN}", f"tot:{RUN}", "dead", "suspect", "runs", "audit"]
)
def test_a_key_of_the_wrong_type_stops_a_commit_before_it_writes(
    ledger: RedisLedger, raw: redis.Redis, key: str
) -> None:
    """A foreign key is named, and no entry is lost."""
    fill(ledger, 1)
    entries = ledger.read(count=1, block_ms=10)
    with put_aside(raw, prefix_of("lab") + key), pytest.raises(errors.LedgerMisuse, match="is a string, not a"):
        ledger.commit(commit_of(entries))

    assert ledger.commit(commit_of(entries)).counted == 50


def test_an_id_that_no_entry_has_stops_a_commit_before_it_writes(ledger: RedisLedger) -> None:
    """The store's commands take the first half of an id for the whole of it."""
    fill(ledger, 1)
    [entry] = ledger.read(count=1, block_ms=10)

    with pytest.raises(errors.LedgerMisuse, match="an id that no entry has"):
        ledger.commit(commit_of([replace(entry, entry_id=entry.entry_id.partition("-")[0])]))
    with pytest.raises(errors.LedgerMisuse, match="an id that no entry has"):
        ledger.dead_letter(entry.entry_id.partition("-")[0], "planted")

    assert ledger.commit(commit_of([entry])).counted == 50


@pytest.mark.parametrize(
    "audit", [{"place": "here"}, {"place": "5", "events": "7"}, {"place": f"{10**15}-0", "events": "x"}]
)
def test_a_hash_that_holds_no_audit_stops_no_step(ledger: RedisLedger, raw: redis.Redis, audit: dict[str, str]) -> None:
    """It is looked at after the first write, when nothing may fail."""
    fill(ledger, 2)
    first, second = ledger.read(count=2, block_ms=10)
    raw.hset(prefix_of("lab") + "audit", mapping=audit)

    assert ledger.dead_letter(first.entry_id, "planted") == 50
    assert ledger.commit(commit_of([second])).counted == 50

    account = ledger.audit()
    assert (account.balance.counted, account.balance.dead, account.balance.residual) == (50, 50, 0)


@pytest.mark.parametrize("key", ["dead", "suspect", "audit", "ledger", f"run:{RUN}"])
def test_a_key_of_the_wrong_type_stops_a_dead_letter_before_it_writes(
    ledger: RedisLedger, raw: redis.Redis, key: str
) -> None:
    """The entry stays pending, and becomes a dead letter once the key is gone."""
    fill(ledger, 1)
    [entry] = ledger.read(count=1, block_ms=10)
    name = prefix_of("lab") + key
    with put_aside(raw, name), pytest.raises(errors.LedgerMisuse):
        ledger.dead_letter(entry.entry_id, "planted")

    assert [pending.entry_id for pending in ledger.pending()] == [entry.entry_id]
    assert ledger.dead_letter(entry.entry_id, "planted") == 50
    assert ledger.audit().balance.residual == 0


@pytest.mark.parametrize("key", ["ev", "ledger", f"run:{RUN}"])
def test_a_key_of_the_wrong_type_stops_a_requeue_before_it_writes(
    ledger: RedisLedger, raw: redis.Redis, key: str
) -> None:
    """The dead letter stays, and comes back once the key is gone."""
    fill(ledger, 1)
    [entry] = ledger.read(count=1, block_ms=10)
    ledger.dead_letter(entry.entry_id, "planted")
    [letter] = ledger.dead_letters()
    with put_aside(raw, prefix_of("lab") + key), pytest.raises(errors.LedgerMisuse):
        ledger.requeue(letter.dead_id)

    assert ledger.dead_letters() == [letter]
    assert ledger.requeue(letter.dead_id) == 50
    assert ledger.audit().balance.residual == 0


def test_half_an_id_requeues_nothing(ledger: RedisLedger) -> None:
    """A range takes half an id for many ids, and a deletion takes it for another: the events would come back twice."""
    fill(ledger, 1)
    [entry] = ledger.read(count=1, block_ms=10)
    ledger.dead_letter(entry.entry_id, "planted")
    [letter] = ledger.dead_letters()
    with pytest.raises(errors.LedgerMisuse):
        ledger.requeue(letter.dead_id.partition("-")[0])
    assert ledger.dead_letters() == [letter]
    assert ledger.audit().balance.residual == 0


@pytest.mark.parametrize("key", ["ev", "ledger", f"run:{RUN}", f"keys:{RUN}", "producers", "runs", f"p:{PRODUCER}"])
def test_a_key_of_the_wrong_type_stops_an_append_before_it_writes(
    ledger: RedisLedger, raw: redis.Redis, key: str
) -> None:
    """The batch is not in the store, and the same batch is added once the key is gone."""
    name = prefix_of("lab") + key
    with put_aside(raw, name):
        before = raw.dbsize()
        with pytest.raises(errors.LedgerMisuse):
            ledger.append(append_of(batch(1), 1))
        assert raw.dbsize() == before

    assert not ledger.append(append_of(batch(1), 1)).duplicate
    assert ledger.audit().audited_backlog == 50


@pytest.mark.parametrize("account", ["ledger", f"run:{RUN}"])
def test_a_count_of_duplicates_that_is_none_stops_a_repeat_before_it_writes(
    ledger: RedisLedger, raw: redis.Redis, account: str
) -> None:
    """A repeat is counted in both accounts or in none."""
    ledger.append(append_of(batch(1), 1))
    raw.hset(prefix_of("lab") + account, "dup", "many")

    with pytest.raises(errors.LedgerMisuse, match="dup is not a count"):
        ledger.append(append_of(batch(1), 1))

    raw.hdel(prefix_of("lab") + account, "dup")
    assert ledger.append(append_of(batch(1), 1)).duplicate
    assert (ledger.balance().duplicates, ledger.changes(RUN, since=0).balance.duplicates) == (50, 50)


@pytest.mark.parametrize("step", ["dead_letter", "commit"])
def test_dead_letters_at_their_last_id_stop_a_step_before_it_writes(
    ledger: RedisLedger, raw: redis.Redis, step: str
) -> None:
    """No entry leaves the stream without a place to go to."""
    fill(ledger, 1)
    entries = ledger.read(count=1, block_ms=10)
    raw.xadd(prefix_of("lab") + "dead", {"x": 1}, id=f"{2**64 - 1}-{2**64 - 1}")
    bad = [BadEvent(entries[0].entry_id, index, "planted", b"bad") for index in range(50)]

    steps: dict[str, Callable[[], object]] = {
        "commit": lambda: ledger.commit(Commit(RUN, entries, None, bad)),
        "dead_letter": lambda: ledger.dead_letter(entries[0].entry_id, "planted"),
    }
    with pytest.raises(errors.LedgerMisuse):
        steps[step]()

    raw.delete(prefix_of("lab") + "dead")
    assert ledger.commit(commit_of(entries)).counted == 50


@pytest.mark.parametrize("place", ["tot:{run}", "agg:{run}:{window}"])
def test_a_sum_that_would_leave_the_exact_range_is_named_before_any_write(
    ledger: RedisLedger, raw: redis.Redis, place: str
) -> None:
    """No sum saturates or rounds: the whole commit is refused, and says what the store holds."""
    fill(ledger, 1)
    entries = ledger.read(count=1, block_ms=10)
    aggregation = folded(entries)
    window = next(iter(aggregation.windows))
    name = aggregation.windows[window].names[0]
    near = PACKED.pack(1.0, 2.0**53 - 1, 2.0**32 - 1, 0.0, 0.0)
    raw.hset(prefix_of("lab") + place.format(run=RUN, window=window), name, near)

    huge = replace(decode(entries[0].payload), value=np.full(50, 2.0**45))
    outcome = ledger.commit(Commit(RUN, entries, aggregate([huge], KeyTable(), window_ns=SECOND)))

    assert outcome.counted == 0
    assert outcome.beyond == (BeyondRange(window if "agg" in place else None, name, unpack(near)),)
    assert len(ledger.pending()) == 1


def test_a_sum_reaches_the_last_micro_unit_of_the_range(ledger: RedisLedger, raw: redis.Redis) -> None:
    """The largest sum that the store can hold is counted; a micro-unit more is refused."""
    name = name_of("pi", "temp")
    raw.hset(f"{prefix_of('lab')}tot:{RUN}", name, PACKED.pack(1.0, 2.0**53 - 1, 2.0**32 - 2, 0.0, 0.0))
    for sequence in (1, 2):
        ledger.append(append_of(columns_of([("pi", "temp", 0, 0.000001)]), sequence))
    first, second = ledger.read(count=2, block_ms=10)

    assert ledger.commit(commit_of([first])).counted == 1
    [beyond] = ledger.commit(commit_of([second])).beyond
    assert beyond.held is not None
    assert beyond.held.sum_micro == 2**53 * 2**32 - 1
