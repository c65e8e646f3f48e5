"""How a worker commits the entries it reads, shown on a real store."""

import signal
import subprocess
import sys
import textwrap
from collections.abc import Sequence

import numpy as np
import pytest
from opentelemetry import metrics, trace

from services.contracts.aggregates import name_of
from services.contracts.batches import encode
from services.ledger.connection import StoreSettings
from services.ledger.records import Append, Commit, Committed
from services.ledger.redis_ledger import RedisLedger, open_ledger
from services.process_worker.committing import Committer
from services.process_worker.handling import Handler
from services.process_worker.telemetry import WorkerTelemetry
from services.telemetry.instruments import Instruments
from services.telemetry.tracing import Tracing
from tests.events import columns_of

SECOND = 1_000_000_000


class Notes(WorkerTelemetry):
    """Telemetry that also remembers."""

    def __init__(self) -> None:
        instruments = Instruments(metrics.NoOpMeterProvider().get_meter("t"), "process-worker")
        super().__init__(instruments, Tracing(trace.NoOpTracerProvider().get_tracer("t")), "worker")
        self.counted: list[int] = []
        self.stale_entries = self.dead_lettered_events = 0

    def committed(self, commit: Commit, outcome: Committed, *, took_s: float) -> None:
        """Remember the commit."""
        self.counted.append(outcome.counted)
        super().committed(commit, outcome, took_s=took_s)

    def stale(self, entries: int) -> None:
        """Remember stale entries."""
        self.stale_entries += entries
        super().stale(entries)

    def dead_lettered(self, events: int) -> None:
        """Remember dead-lettered events."""
        self.dead_lettered_events += events
        super().dead_lettered(events)


@pytest.fixture
def ledger(store: str) -> RedisLedger:
    """The ledger of the worker under test."""
    return open_ledger(StoreSettings(redis_url=store), "worker")


def append(ledger: RedisLedger, sequence: int, kinds: Sequence[str], *, run: str = "r", spread_s: int = 0) -> None:
    """Append a batch with one event per kind, *spread_s* apart."""
    start = 1_700_000_000 * SECOND
    columns = columns_of([("pi", kind, start + i * spread_s * SECOND, float(i)) for i, kind in enumerate(kinds)])
    names = [name_of("pi", kind) for kind in columns.kinds]
    ledger.append(Append(b"p" * 16, sequence, run, SECOND, encode(columns), len(kinds), names))


def committer_of(ledger: RedisLedger, notes: Notes, *, keep_windows: int = 1_000_000) -> Committer:
    """Return a committer without a cost per event."""
    return Committer(ledger, Handler(cost_us=0, crash_on_kind="", alive=lambda: None), notes, keep_windows=keep_windows)


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
    from services.process_worker.handling import Handler
    from services.process_worker.committing import Committer
    from tests.behaviour.test_committing import Notes

    ledger = open_ledger(StoreSettings(redis_url=sys.argv[1]), sys.argv[2])
    handler = Handler(cost_us=0, crash_on_kind="poison", alive=lambda: None)
    committer = Committer(ledger, handler, Notes(), keep_windows=1000)
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
