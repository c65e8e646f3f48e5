"""How a worker commits the entries it reads, shown on a real store."""

import contextlib
import signal
import subprocess
import sys
import textwrap

import numpy as np
import pytest

from services.ledger.connection import StoreSettings
from services.ledger.errors import StoreUnreachable
from services.ledger.records import Append, Commit, Committed
from services.ledger.redis_ledger import RedisLedger, open_ledger
from tests.workers import SECOND, Notes, append, committer_of


@pytest.fixture
def ledger(store: str) -> RedisLedger:
    """The ledger of the worker under test."""
    return open_ledger(StoreSettings(redis_url=store), "worker")


def test_entries_of_several_runs_are_committed_run_by_run(ledger: RedisLedger) -> None:
    """A commit holds entries of one run, and each run's account closes."""
    for sequence, run in enumerate(["a", "b", "a", "b"], start=1):
        append(ledger, sequence, ["x", "y"], run=run)
    notes = Notes()

    committer_of(ledger, notes).commit(ledger.read(count=10, block_ms=10))

    assert notes.counted == [4, 4]
    assert [ledger.changes(run, since=0).balance.counted for run in ("a", "b")] == [4, 4]


def test_a_round_with_too_many_aggregates_is_committed_in_parts(ledger: RedisLedger) -> None:
    """A commit holds at most 4,096 window aggregates. A larger round is halved until its parts fit."""
    for sequence in range(1, 5):
        append(ledger, sequence, [f"k{sequence}"] * 2_000, spread_s=1)
    notes = Notes()

    committer_of(ledger, notes).commit(ledger.read(count=10, block_ms=10))

    assert sum(notes.counted) == 8_000
    assert len(notes.counted) == 2
    assert ledger.audit().balance.residual == 0


def test_windows_beyond_the_kept_number_are_removed(ledger: RedisLedger) -> None:
    """Retention runs with the commits that make it necessary."""
    append(ledger, 1, ["x"] * 20, spread_s=1)
    notes = Notes()

    committer_of(ledger, notes, keep_windows=5).commit(ledger.read(count=10, block_ms=10))

    changes = ledger.changes("r", since=0)
    assert len(changes.windows) == 5
    assert changes.totals[b"pi\x1fx"].count == 20


def test_an_entry_that_cannot_be_decoded_becomes_one_dead_letter(ledger: RedisLedger) -> None:
    """Junk in a valid envelope is dead-lettered as a whole. The entries beside it are counted."""
    ledger.append(Append(b"p" * 16, 1, "r", SECOND, b"\xff\xfe junk", 3, [b"pi\x1fx"]))
    append(ledger, 2, ["x"])
    notes = Notes()

    committer_of(ledger, notes).commit(ledger.read(count=10, block_ms=10))

    [letter] = ledger.dead_letters()
    assert (letter.index, letter.events, notes.dead_lettered_events, notes.counted) == (-1, 3, 3, [1])
    assert letter.reason.startswith("decode: not an EventBatch")
    assert ledger.audit().balance.residual == 0


def test_stale_entries_are_left_to_the_worker_that_committed_them(ledger: RedisLedger, store: str) -> None:
    """A worker that comes too late for some entries counts the others, once."""
    for sequence in range(1, 11):
        append(ledger, sequence, ["x"])
    mine = ledger.read(count=10, block_ms=10)
    other = open_ledger(StoreSettings(redis_url=store), "other")
    committer_of(other, Notes()).commit(other.claim(ledger.pending()[:4]))
    notes = Notes()

    committer_of(ledger, notes).commit(mine)

    assert (notes.stale_entries, notes.counted) == (4, [6])
    assert ledger.changes("r", since=0).totals[b"pi\x1fx"].count == 10


DYING_WORKER = """
    import sys
    from services.ledger.connection import StoreSettings
    from services.ledger.redis_ledger import open_ledger
    from tests.workers import Notes, committer_of

    ledger = open_ledger(StoreSettings(redis_url=sys.argv[1]), sys.argv[2])
    committer = committer_of(ledger, Notes(), crash_on_kind="poison")
    committer.commit(ledger.claim(ledger.pending()) or ledger.read(count=10, block_ms=10))
"""


def test_one_poison_message_is_isolated_and_all_other_events_are_counted(ledger: RedisLedger, store: str) -> None:
    """Workers die on one event of forty. In the end that event is a dead letter, and 59 of 60 events are counted."""
    append(ledger, 1, [f"k{i}" for i in range(20)])
    append(ledger, 2, [*(f"k{i}" for i in range(25)), "poison", *(f"k{i}" for i in range(14))])
    deaths = 0
    for attempt in range(20):
        worker = [sys.executable, "-c", textwrap.dedent(DYING_WORKER), store, f"w{attempt}"]
        ended = subprocess.run(worker, check=False).returncode
        if ended == 0:
            break
        assert ended == -signal.SIGKILL
        deaths += 1

    [letter] = ledger.dead_letters()
    audit = ledger.audit()
    assert (letter.index, letter.events, letter.reason) == (25, 1, "killed two workers")
    assert (audit.balance.counted, audit.balance.dead, audit.balance.residual) == (59, 1, 0)
    assert 4 <= deaths <= 2 + int(np.ceil(np.log2(40))) + 2


class Breaking(RedisLedger):
    """A ledger whose connection breaks after every note, and before every commit, until the store has had enough."""

    breaks = 9

    def keep_isolation_note(self, entry_id: str, note: str) -> None:
        """Keep the note; its reply is lost."""
        super().keep_isolation_note(entry_id, note)
        self._break()

    def commit(self, commit: Commit) -> Committed:
        """Commit nothing while the connection breaks."""
        self._break()
        return super().commit(commit)

    def _break(self) -> None:
        self.breaks -= 1
        if self.breaks > 0:
            raise StoreUnreachable("the connection broke")


def test_a_worker_that_lives_on_is_not_taken_for_dead(store: str) -> None:
    """An entry is delivered again and again, since connections break. It kills nobody, and is counted whole."""
    ledger = Breaking(StoreSettings(redis_url=store), "worker")
    ledger.connect()
    append(ledger, 1, [f"k{i}" for i in range(20)])
    ledger.read(count=10, block_ms=10)
    committer, attempts = committer_of(ledger, Notes()), 0
    while ledger.own_pending():
        attempts += 1
        with contextlib.suppress(StoreUnreachable):
            committer.commit(ledger.claim(ledger.own_pending()))

    balance = ledger.audit().balance
    assert (balance.counted, balance.dead, balance.residual) == (20, 0, 0)
    assert attempts > 5
