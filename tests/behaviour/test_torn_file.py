"""A store whose append-only file is torn keeps all that it acknowledged before the torn byte, and a closed account."""

import random
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest

from services.bootstrap.store import bootstrap
from services.ledger.connection import StoreSettings
from services.ledger.redis_ledger import RedisLedger, open_ledger
from tests import programs
from tests.ports.entries import RUN, append_of, batch, commit_of
from tests.workers import Notes, consumer_of, drain

DURABLE: Final = {"appendonly": "yes", "appendfsync": "always"}
CUTS: Final = 50
BATCHES: Final = 60
LOAD_S: Final = 30.0


@dataclass(frozen=True)
class Written:
    """A store that was killed.

    Attributes:
        folder: Folder of the store.
        file: Its append-only file, relative to the folder.
        prepared: Bytes of the file before the first append.
        acknowledged: Bytes of the file → events that were acknowledged by then.
    """

    folder: Path
    file: Path
    prepared: int
    acknowledged: Mapping[int, int]


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Written:
    """A store that appended, committed, made dead letters and requeued them."""
    folder = tmp_path_factory.mktemp("store")
    with programs.store_with(folder, DURABLE) as (port, _):
        ledger = ledger_at(port, "worker", prepare=True)
        [file] = (folder / "appendonlydir").glob("*.incr.aof")
        prepared, acknowledged = file.stat().st_size, dict[int, int]()
        for sequence in range(1, BATCHES + 1):
            accepted = ledger.append(append_of(batch(sequence), sequence)).accepted
            acknowledged[file.stat().st_size] = accepted
            if sequence % 3 == 0:
                handle(ledger, requeue=sequence % 9 == 0)
    return Written(folder, file.relative_to(folder), prepared, acknowledged)


def ledger_at(port: int, consumer: str, *, prepare: bool = False) -> RedisLedger:
    """Return the ledger of a store of this machine, once it has loaded its file."""
    settings = StoreSettings(redis_url=f"redis://127.0.0.1:{port}/0")
    if prepare:
        bootstrap(settings, require_durability="durable")
    return open_ledger(settings, consumer, wait_s=LOAD_S)


def handle(ledger: RedisLedger, *, requeue: bool) -> None:
    """Commit one entry and make another a dead letter; perhaps requeue a dead letter."""
    committed, uncounted = ledger.read(count=2, block_ms=100)
    ledger.commit(commit_of([committed]))
    ledger.dead_letter(uncounted.entry_id, "planted")
    if requeue:
        ledger.requeue(ledger.dead_letters()[0].dead_id)


@pytest.mark.parametrize("seed", range(CUTS))
def test_a_torn_file_keeps_the_account(written: Written, tmp_path: Path, seed: int) -> None:
    """No acknowledged event is missing, and every event that is there is counted once."""
    torn = tmp_path / "torn"
    shutil.copytree(written.folder, torn)
    cut = random.Random(seed).randint(written.prepared, (torn / written.file).stat().st_size)
    with (torn / written.file).open("r+b") as file:
        file.truncate(cut)

    with programs.store_with(torn, DURABLE) as (port, _):
        ledger = ledger_at(port, "another")
        loaded = ledger.audit()
        drain(consumer_of(ledger, "another", Notes(), idle_s=0.1), ledger)
        drained = ledger.audit().balance
        totals = ledger.changes(RUN, since=0).totals

    kept = max((events for length, events in written.acknowledged.items() if length <= cut), default=0)
    assert loaded.balance.accepted == kept
    assert (loaded.balance.residual, loaded.audited_backlog) == (0, loaded.balance.backlog)
    assert (drained.counted, drained.backlog, drained.residual) == (kept - loaded.balance.dead, 0, 0)
    assert sum(total.count for total in totals.values()) == drained.counted
