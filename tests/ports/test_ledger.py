"""What every ledger must do, shown on a real store."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from itertools import count

import numpy as np
import pytest
import redis

from services.contracts.batches import Columns, decode, encode
from services.contracts.cells import Aggregation, CellBlock, KeyTable, aggregate, name_of
from services.ledger import errors
from services.ledger.connection import StoreSettings, open_client
from services.ledger.keys import prefix_of
from services.ledger.port import Append, BadEvent, Commit, Entry, all_changes
from services.ledger.redis_ledger import RedisLedger, open_ledger

SECOND = 1_000_000_000
RUN = "measured"


@pytest.fixture
def settings(store: str) -> StoreSettings:
    """Settings of a bootstrapped store."""
    return StoreSettings(redis_url=store)


@pytest.fixture
def raw(settings: StoreSettings) -> Iterator[redis.Redis]:
    """A client beside the ledger, to look at keys and to plant faults."""
    with open_client(settings) as client:
        yield client


@pytest.fixture
def ledger_of(settings: StoreSettings) -> Callable[..., RedisLedger]:
    """Opens a ledger for a consumer."""
    return lambda consumer="worker", **options: open_ledger(settings, consumer, **options)


@pytest.fixture
def ledger(ledger_of: Callable[..., RedisLedger]) -> RedisLedger:
    """A ledger for one consumer."""
    return ledger_of()


def batch(seed: int, *, events: int = 50, windows: int = 2) -> Columns:
    """Events with values of many magnitudes, in a few windows."""
    draw = np.random.default_rng(seed)
    return Columns(
        sources=("a", "b", "c"),
        kinds=("x", "y"),
        source_index=draw.integers(0, 3, events).astype(np.uint32),
        kind_index=draw.integers(0, 2, events).astype(np.uint32),
        time_ns=1_700_000_000 * SECOND + draw.integers(0, windows * SECOND, events),
        value=draw.normal(0, 1, events) * 10.0 ** draw.integers(-9, 12, events),
    )


def append_of(columns: Columns, sequence: int, *, run: str = RUN, producer: bytes = b"p" * 16) -> Append:
    """The append of a batch."""
    names = [name_of(source, kind) for source in columns.sources for kind in columns.kinds]
    return Append(producer, sequence, run, SECOND, encode(columns), len(columns), names)


def fill(ledger: RedisLedger, batches: int, *, events: int = 50, run: str = RUN) -> list[Columns]:
    """Append batches with seeds 1, 2, …; what was appended."""
    written = [batch(seed, events=events) for seed in range(1, batches + 1)]
    for sequence, columns in zip(count(1), written, strict=False):
        assert not ledger.append(append_of(columns, sequence, run=run)).duplicate
    return written


def folded(entries: Sequence[Entry]) -> Aggregation:
    """What entries add up to."""
    return aggregate([decode(entry.payload) for entry in entries], KeyTable(), window_ns=SECOND)


def commit_of(entries: Sequence[Entry]) -> Commit:
    """The commit of entries, all events good."""
    return Commit(RUN, entries, folded(entries))


def exact_sum(written: Sequence[Columns]) -> int:
    """Sum of micro-units in plain integers."""
    return sum(int(value) for columns in written for value in np.rint(columns.value * 1e6))


def test_what_is_appended_is_counted_once_to_the_last_digit(ledger: RedisLedger) -> None:
    """Append, read, commit: totals and windows hold the exact sums, and the account closes."""
    written = fill(ledger, 20)
    entries = ledger.read(count=64, block_ms=10)
    assert ledger.commit(commit_of(entries)).counted == 1_000

    changes = ledger.changes(RUN, since=0)

    assert sum(cell.sum_micro for cell in changes.totals.values()) == exact_sum(written)
    assert sum(cell.sum_micro for cells in changes.windows.values() for cell in cells.values()) == exact_sum(written)
    assert (changes.balance.accepted, changes.balance.counted, changes.balance.residual) == (1_000, 1_000, 0)
    assert changes.instances == {"worker": 1_000}


def test_a_repeated_append_is_recognised_and_counted_once_as_duplicate(ledger: RedisLedger) -> None:
    """The same (producer, sequence) with the same payload is not added again, however often it comes."""
    append = append_of(batch(1), 1)
    answers = [ledger.append(append).duplicate for _ in range(3)]

    assert answers == [False, True, True]
    balance = ledger.audit().balance
    assert (balance.accepted, balance.duplicates) == (50, 50)


def test_the_same_sequence_with_another_payload_is_refused(ledger: RedisLedger) -> None:
    """A producer that reuses a sequence is told so; nothing is written."""
    ledger.append(append_of(batch(1), 1))

    with pytest.raises(errors.SequenceConflict, match="seq 1 was accepted with another payload"):
        ledger.append(append_of(batch(2), 1))

    assert ledger.audit().audited_backlog == 50


def test_a_sequence_that_left_the_window_is_refused_not_confirmed(ledger: RedisLedger) -> None:
    """1,024 sequences later the outcome of the first is no longer known, and nobody pretends it is."""
    ledger.append(append_of(batch(1), 1))
    ledger.append(append_of(batch(2), 1_025))

    with pytest.raises(errors.SequenceTooOld, match="outcome is unknown"):
        ledger.append(append_of(batch(1), 1))


def test_the_backlog_is_bounded_in_events(ledger_of: Callable[..., RedisLedger]) -> None:
    """A batch that would pass the limit is refused whole; the same batch fits once there is room."""
    ledger = ledger_of(backlog_limit=120)
    fill(ledger, 2)
    with pytest.raises(errors.BacklogFull, match="100 of 120"):
        ledger.append(append_of(batch(3), 3))

    ledger.commit(commit_of(ledger.read(count=10, block_ms=10)))

    assert not ledger.append(append_of(batch(3), 3)).duplicate


def test_dead_letters_that_fill_the_limit_are_named_as_the_cause(ledger_of: Callable[..., RedisLedger]) -> None:
    """Waiting would not help, so the refusal is another one than for a backlog."""
    ledger = ledger_of(backlog_limit=60)
    fill(ledger, 1)
    [entry] = ledger.read(count=1, block_ms=10)
    assert ledger.bury(entry.entry_id, "decode: planted") == 50

    with pytest.raises(errors.DeadLetterFull, match="50 dead letters"):
        ledger.append(append_of(batch(2), 2))


def test_a_run_has_one_window_width(ledger: RedisLedger) -> None:
    """The width belongs to the run; another one is refused."""
    fill(ledger, 1)

    with pytest.raises(errors.WidthConflict, match="1000000000 ns, not 5"):
        ledger.append(replace(append_of(batch(2), 2), window_ns=5))


def test_a_run_holds_ten_thousand_keys_at_most(ledger: RedisLedger) -> None:
    """One more (source, kind) pair is refused by name, and nothing is written."""
    many = [f"s{i}".encode() for i in range(10_000)]
    ledger.append(replace(append_of(batch(1), 1), names=many))

    with pytest.raises(errors.TooManyKeys, match="more than 10000"):
        ledger.append(append_of(batch(2), 2))

    assert ledger.audit().balance.accepted == 50


def test_a_store_that_lost_what_it_confirmed_takes_nothing_more(ledger: RedisLedger, raw: redis.Redis) -> None:
    """When `accepted` falls below what was seen, appends stop before anything is written."""
    fill(ledger, 3)
    raw.hset(prefix_of("lab") + "ledger", "accepted", 100)

    with pytest.raises(errors.StoreRolledBack, match="150 to 100"):
        ledger.append(append_of(batch(4), 4))

    assert raw.xlen(prefix_of("lab") + "ev") == 3


@pytest.mark.parametrize("wipe", ["flush", "replace"])
def test_an_emptied_or_replaced_store_is_named(ledger: RedisLedger, raw: redis.Redis, wipe: str) -> None:
    """Appends, reads and commits against another store than at the start fail by name."""
    fill(ledger, 1)
    if wipe == "flush":
        raw.flushall()
    else:
        raw.set(prefix_of("lab") + "epoch", "another")

    with pytest.raises(errors.StoreLost):
        ledger.append(append_of(batch(2), 2))


def test_partial_overlap_has_no_side_effect_and_the_rest_is_counted_once(
    ledger_of: Callable[..., RedisLedger], raw: redis.Redis
) -> None:
    """A reads 64 entries, B claims and commits 20 of them: A's commit of 64 changes nothing, its retry of 44 counts."""
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
    assert sum(cell.sum_micro for cell in totals.values()) == exact_sum(written)


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
    """Control: a commit that settles blindly counts the 20 claimed entries twice, and the account shows it."""
    first, second = ledger_of("A"), ledger_of("B")
    fill(first, 64)
    entries = first.read(count=64, block_ms=10)
    second.commit(commit_of(second.claim(first.pending()[10:30])))
    raw.function_load(BLIND)
    ids = [entry.entry_id for entry in entries]

    counted = raw.execute_command("FCALL", "lab_blind", 1, prefix_of("lab"), "", RUN, "A", len(ids), *ids)

    assert counted == 64 * 50 + 20 * 50, "the blind commit must double-count, else this test could not see one"
    assert first.changes(RUN, since=0).balance.residual != 0


def planted_twice(entries: list[Entry]) -> Commit:
    """The same entry twice in one commit."""
    return Commit(RUN, [entries[0], entries[0]], folded([entries[0], entries[0]]))


def planted_short_counts(entries: list[Entry]) -> Commit:
    """An entry that says it holds no events."""
    return Commit(RUN, [replace(entries[0], events=0)], folded(entries[:1]))


def planted_same_cell(entries: list[Entry]) -> Commit:
    """The same cell twice in one window."""
    good = folded(entries[:1])
    doubled = {
        number: CellBlock([*block.names, block.names[0]], np.vstack((block.packed, block.packed[:1])))
        for number, block in good.windows.items()
    }
    return Commit(RUN, entries[:1], replace(good, windows=doubled))


def planted_sum(entries: list[Entry]) -> Commit:
    """Cells of more events than the entries hold."""
    return Commit(RUN, entries[:1], folded(entries[:2]))


def planted_foreign_bad(entries: list[Entry]) -> Commit:
    """A bad event of an entry that is not part of the commit."""
    return Commit(RUN, entries[:1], folded(entries[:1]), [BadEvent(entries[1].entry_id, 0, "planted", b"")])


@pytest.mark.parametrize(
    "planted",
    [planted_twice, planted_short_counts, planted_same_cell, planted_sum, planted_foreign_bad],
    ids=lambda planted: planted.__name__,
)
def test_a_commit_that_breaks_the_rules_changes_nothing(
    ledger: RedisLedger, planted: Callable[[list[Entry]], Commit]
) -> None:
    """Everything is checked before the first write, since a function cannot be rolled back."""
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
    """A foreign key in the way is named, and no entry is lost to it."""
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


def test_a_cell_that_would_leave_the_exact_range_is_refused_before_any_write(
    ledger: RedisLedger, raw: redis.Redis
) -> None:
    """No sum saturates or rounds: the overflow is refused."""
    fill(ledger, 1)
    entries = ledger.read(count=1, block_ms=10)
    name = folded(entries).totals.names[0]
    near = np.array([1.0, 2.0**53 - 1, 2.0**32 - 1, 0.0, 0.0]).tobytes()
    raw.hset(f"{prefix_of('lab')}tot:{RUN}", name, near)

    huge = replace(batch(1), value=np.full(50, 2.0**45))
    bigger = aggregate([huge], KeyTable(), window_ns=SECOND)
    with pytest.raises(errors.CellOutOfRange):
        ledger.commit(Commit(RUN, entries, bigger))

    assert ledger.audit().pending_entries == 1


def test_a_bad_event_is_settled_alone(ledger: RedisLedger) -> None:
    """The good events of an entry are counted, the bad one becomes a dead letter of one event, in the same step."""
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
    """Bury, requeue, count: the law holds after every step."""
    [columns] = fill(ledger, 1)
    [entry] = ledger.read(count=1, block_ms=10)
    steps = [ledger.bury(entry.entry_id, "planted")]
    balances = [ledger.audit()]
    [letter] = ledger.dead_letters()
    steps.append(ledger.requeue(letter.dead_id))
    balances.append(ledger.audit())
    entries = ledger.read(count=1, block_ms=10)
    ledger.commit(commit_of(entries))
    balances.append(ledger.audit())

    assert steps == [50, 50]
    assert ledger.requeue(letter.dead_id) == 0
    assert all(audit.balance.residual == 0 for audit in balances)
    assert [(audit.audited_dead, audit.audited_backlog) for audit in balances] == [(50, 0), (0, 50), (0, 0)]
    assert sum(cell.sum_micro for cell in ledger.changes(RUN, since=0).totals.values()) == exact_sum([columns])


def test_a_consumer_that_still_holds_entries_is_not_forgotten(ledger_of: Callable[..., RedisLedger]) -> None:
    """Reaping checks first; afterwards its entries can be claimed, and then it goes."""
    dying, living = ledger_of("dying"), ledger_of("living")
    fill(dying, 1)
    dying.beat()
    dying.read(count=1, block_ms=10)

    assert not living.reap("dying")
    [entry] = living.claim(living.pending())
    living.commit(commit_of([entry]))
    assert entry.deliveries == 2
    assert living.reap("dying")
    assert "dying" not in living.beats()


def test_removed_windows_live_on_in_the_totals(ledger: RedisLedger) -> None:
    """Retention removes the oldest windows; later events of those windows are counted in the totals alone."""
    written = fill(ledger, 4)
    entries = ledger.read(count=2, block_ms=10)
    assert ledger.commit(commit_of(entries)).windows == 2
    assert ledger.prune(RUN, keep_windows=1) == 1
    ledger.commit(commit_of(ledger.read(count=2, block_ms=10)))

    changes = ledger.changes(RUN, since=0)

    assert changes.low_window == 1_700_000_001
    assert set(changes.windows) == {1_700_000_001}
    assert sum(cell.count for cell in changes.totals.values()) == 200
    assert sum(cell.sum_micro for cell in changes.totals.values()) == exact_sum(written)


def test_changes_come_in_pages_that_add_up(ledger: RedisLedger) -> None:
    """Reading changes step by step leads to the same windows as reading them at once."""
    seen: dict[int, object] = {}
    version = 0
    for sequence in range(1, 6):
        ledger.append(append_of(batch(sequence, windows=5), sequence))
        ledger.commit(commit_of(ledger.read(count=1, block_ms=10)))
        for page in all_changes(ledger, RUN, since=version):
            seen.update(page.windows)
            version = page.version

    assert seen == ledger.changes(RUN, since=0).windows


def test_a_run_never_seen_is_unknown_not_zero(ledger: RedisLedger) -> None:
    """Nobody mistakes a misspelt run for an empty one."""
    changes = ledger.changes("never", since=0)

    assert not changes.known
    assert changes.windows == {}


def test_what_was_handed_out_before_a_lost_reply_is_found_again(ledger: RedisLedger) -> None:
    """After a broken connection a consumer finds its own unsettled entries."""
    fill(ledger, 3)
    lost = ledger.read(count=3, block_ms=10)

    assert [entry.entry_id for entry in ledger.own_pending()] == [entry.entry_id for entry in lost]
