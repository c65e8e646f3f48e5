"""Parts of a worker, over a real store, for tests."""

import threading
from collections.abc import Sequence

from opentelemetry import metrics, trace

from services.contracts.batches import Columns, encode
from services.contracts.key_table import pair_names, pair_numbers
from services.ledger.records import Append, Commit, Committed
from services.ledger.redis_ledger import RedisLedger
from services.process_worker.committing import Committer
from services.process_worker.consumer import Consumer, Heartbeat, Pace
from services.process_worker.handling import Handler
from services.process_worker.takeover import Takeover
from services.process_worker.telemetry import WorkerTelemetry
from services.telemetry.instruments import Instruments
from services.telemetry.tracing import Tracing
from tests.events import columns_of
from tests.waiting import until

SECOND = 1_000_000_000
PRODUCER = b"p" * 16


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


def append(ledger: RedisLedger, sequence: int, kinds: Sequence[str], *, run: str = "r", spread_s: int = 0) -> None:
    """Append a batch with one event per kind, *spread_s* apart."""
    start = 1_700_000_000 * SECOND
    columns = columns_of([("pi", kind, start + i * spread_s * SECOND, float(i)) for i, kind in enumerate(kinds)])
    append_columns(ledger, sequence, columns, run=run)


def append_columns(ledger: RedisLedger, sequence: int, columns: Columns, *, run: str = "r") -> None:
    """Append a batch."""
    names = list(dict.fromkeys(pair_names(columns, pair_numbers(columns))))
    ledger.append(Append(PRODUCER, sequence, run, SECOND, encode(columns), len(columns), names))


def committer_of(
    ledger: RedisLedger, notes: Notes, *, keep_windows: int = 1_000_000, crash_on_kind: str = ""
) -> Committer:
    """Return a committer without a cost per event."""
    handler = Handler(cost_us=0, crash_on_kind=crash_on_kind, alive=lambda: None)
    return Committer(ledger, handler, notes, keep_windows=keep_windows)


def consumer_of(
    ledger: RedisLedger, name: str, notes: Notes, *, idle_s: float = 60.0, read_entries: int = 64
) -> Consumer:
    """Return a worker's loop with short waits."""
    pace = Pace(read_entries=read_entries, block_ms=10, nap_s=0.0, idle_s=idle_s, keep_runs=100)
    return Consumer(ledger, committer_of(ledger, notes), Heartbeat(ledger), Takeover(name, idle_s=idle_s), pace=pace)


def drain(consumer: Consumer, ledger: RedisLedger) -> None:
    """Let a worker work until no event waits. Raises what the worker raises."""
    stopping, errors = threading.Event(), list[Exception]()

    def work() -> None:
        try:
            consumer.run(stopping)
        except Exception as error:  # noqa: BLE001  the test raises it
            errors.append(error)

    thread = threading.Thread(target=work, name="worker")
    thread.start()
    try:
        until(lambda: bool(errors) or ledger.balance().backlog == 0)
    finally:
        stopping.set()
        thread.join()
    if errors:
        raise errors[0]
