"""A commit has its whole effect or none, shown on a real store."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import redis

from services.contracts.aggregates import AggregateBlock, KeyTable, aggregate
from services.ledger import errors
from services.ledger.keys import prefix_of
from services.ledger.records import BadEvent, Commit, Entry
from services.ledger.redis_ledger import RedisLedger
from tests.ports.entries import RUN, SECOND, batch, commit_of, exact_sum, fill, folded


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
    assert (audit.pending_entries, audit.balance.counted, audit.audited_backlog) == (3, 0, 150)
    assert ledger.commit(commit_of(entries)).counted == 150


@pytest.mark.parametrize("key", ["ledger", f"dirty:{RUN}", f"wins:{RUN}", f"tot:{RUN}", "dead", "suspect"])
def test_a_key_of_the_wrong_type_stops_a_commit_before_it_writes(
    ledger: RedisLedger, raw: redis.Redis, key: str
) -> None:
    """A foreign key is named, and no entry is lost."""
    fill(ledger, 1)
    entries = ledger.read(count=1, block_ms=10)
    name = prefix_of("lab") + key
    raw.rename(name, "aside") if raw.exists(name) else None
    raw.set(name, "planted")

    with pytest.raises(errors.LedgerMisuse, match="is a string, not a"):
        ledger.commit(commit_of(entries))

    raw.delete(name)
    if raw.exists("aside"):
        raw.rename("aside", name)
    assert ledger.commit(commit_of(entries)).counted == 50


def test_an_aggregate_that_would_leave_the_exact_range_is_refused_before_any_write(
    ledger: RedisLedger, raw: redis.Redis
) -> None:
    """No sum saturates or rounds: an overflow is refused."""
    fill(ledger, 1)
    entries = ledger.read(count=1, block_ms=10)
    name = folded(entries).totals.names[0]
    near = np.array([1.0, 2.0**53 - 1, 2.0**32 - 1, 0.0, 0.0]).tobytes()
    raw.hset(f"{prefix_of('lab')}tot:{RUN}", name, near)

    huge = replace(batch(1), value=np.full(50, 2.0**45))
    bigger = aggregate([huge], KeyTable(), window_ns=SECOND)
    with pytest.raises(errors.AggregateOutOfRange):
        ledger.commit(Commit(RUN, entries, bigger))

    assert ledger.audit().pending_entries == 1
