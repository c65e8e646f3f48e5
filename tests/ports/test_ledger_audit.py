"""An audit recomputes the account from every entry, in slices, and is right whatever happens between them."""

from collections.abc import Callable

import pytest
import redis

from services.contracts.store_keys import EPOCH, prefix_of
from services.ledger.library import function
from services.ledger.records import Audit
from services.ledger.redis_ledger import RedisLedger
from services.ledger.wire import AuditReply, audit_of
from tests.ports.entries import append_of, batch, commit_of, fill

PREFIX = prefix_of("lab")
SLICE = 1_000
"""Entries of one slice."""


def plant(raw: redis.Redis, entries: int, *, events: int = 3) -> None:
    """Put many entries into the stream at once, with the account of them."""
    pipe = raw.pipeline(transaction=False)
    for _ in range(entries):
        pipe.xadd(PREFIX + "ev", {"n": events, "run": "planted", "w": 10**9, "t": 0, "b": 300, "d": b"-"})
    for key in ("ledger", "run:planted"):
        pipe.hincrby(PREFIX + key, "accepted", entries * events)
        pipe.hincrby(PREFIX + key, "backlog", entries * events)
    pipe.execute()


def step(raw: redis.Redis, *, start: bool) -> Audit | None:
    """Make one slice of an audit. Return the audit, once it is complete."""
    reply = raw.execute_command("FCALL", function("audit"), 1, PREFIX, raw.get(PREFIX + EPOCH), int(start))
    return audit_of(AuditReply(*reply)) if reply else None


def assert_right(audit: Audit) -> None:
    """Assert that what was recomputed is what the ledger keeps."""
    assert audit.audited_backlog == audit.balance.backlog
    assert audit.balance.residual == 0


def test_no_call_of_an_audit_reads_more_than_a_slice(ledger: RedisLedger, raw: redis.Redis) -> None:
    """Other calls of the store are answered between slices, however large the backlog."""
    plant(raw, 7 * SLICE)
    raw.config_resetstat()

    audit = ledger.audit()

    assert_right(audit)
    assert audit.audited_backlog == 21 * SLICE
    calls = raw.info("commandstats")
    slices, pages = calls["cmdstat_fcall"]["calls"], calls["cmdstat_xrange"]["calls"]
    assert slices >= 7
    assert pages * 50 <= (slices + 1) * SLICE


def test_large_entries_make_a_slice_of_few(ledger: RedisLedger, raw: redis.Redis) -> None:
    """What a slice costs is the bytes that it copies."""
    columns = batch(1, events=5_000)
    for sequence in range(1, 201):
        ledger.append(append_of(columns, sequence))
    raw.config_resetstat()

    assert_right(ledger.audit())

    assert raw.info("commandstats")["cmdstat_fcall"]["calls"] >= 4


def test_a_drained_store_is_audited_in_one_call_that_writes_nothing(ledger: RedisLedger, raw: redis.Redis) -> None:
    """A trial ends with this audit; a store with a slow disk need not sync for it."""
    fill(ledger, 20)
    ledger.commit(commit_of(ledger.read(count=20, block_ms=10)))
    raw.config_resetstat()
    before = raw.info("persistence")["aof_current_size"]

    assert_right(ledger.audit())

    assert raw.info("commandstats")["cmdstat_fcall"]["calls"] == 1
    assert raw.info("persistence")["aof_current_size"] == before


@pytest.mark.parametrize("slices_before", [1, 2, 3])
def test_what_happens_between_two_slices_is_in_the_audit(
    ledger: RedisLedger, raw: redis.Redis, slices_before: int
) -> None:
    """Commits, dead letters, replays and appends, in front of the audit's place and behind it."""
    fill(ledger, 300)
    entries = ledger.read(count=300, block_ms=10)
    plant(raw, 4 * SLICE)
    assert step(raw, start=True) is None
    for _ in range(slices_before - 1):
        assert step(raw, start=False) is None

    ledger.commit(commit_of(entries[:100]))
    assert ledger.dead_letter(entries[150].entry_id, "planted") == 50
    assert ledger.dead_letter(entries[151].entry_id, "planted") == 50
    assert ledger.requeue(ledger.dead_letters()[0].dead_id) == 50
    for seed in range(50):
        ledger.append(append_of(batch(seed), 1_000 + seed))
    late = ledger.read(count=9_000, block_ms=10)
    assert ledger.dead_letter(late[-1].entry_id, "planted") == 50
    ledger.commit(commit_of(entries[200:]))

    audit = next(filter(None, (step(raw, start=False) for _ in range(20))))
    assert_right(audit)
    assert audit.balance.dead == 100
    assert not raw.exists(PREFIX + "audit")


def test_audits_at_the_same_time_are_both_right(ledger_of: Callable[..., RedisLedger], raw: redis.Redis) -> None:
    """The second begins anew where the first is under way; both end."""
    plant(raw, 3 * SLICE)
    assert step(raw, start=True) is None
    second = ledger_of("second").audit()
    assert_right(second)

    assert_right(next(filter(None, (step(raw, start=False) for _ in range(10)))))


def test_an_audit_sees_an_account_that_is_wrong(ledger: RedisLedger, raw: redis.Redis) -> None:
    """Control: it adds up the entries and does not copy the account."""
    plant(raw, 2 * SLICE)
    raw.hincrby(PREFIX + "ledger", "backlog", -7)

    audit = ledger.audit()

    assert audit.audited_backlog - audit.balance.backlog == 7


def test_an_audit_works_at_the_memory_limit(ledger: RedisLedger, raw: redis.Redis) -> None:
    """A full store is when an audit is asked for."""
    plant(raw, 2 * SLICE)
    raw.config_set("maxmemory", 1)

    assert_right(ledger.audit())
