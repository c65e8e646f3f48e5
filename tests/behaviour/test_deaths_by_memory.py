"""An entry that takes too much memory kills nobody, or is isolated like any entry that kills."""

import signal
import subprocess
import sys
import textwrap

import numpy as np
import pytest

from services.contracts.batches import Columns
from services.ledger.connection import StoreSettings
from services.ledger.redis_ledger import RedisLedger, open_ledger
from tests.workers import SECOND, append, append_columns

NAMES = 1_150
"""Names of each dictionary, 12 kB together; they span 1.3 million pairs."""


@pytest.fixture
def ledger(store: str) -> RedisLedger:
    """A ledger on the store of the workers under test."""
    return open_ledger(StoreSettings(redis_url=store), "test")


def diagonal(size: int, *, prefix: str = "") -> Columns:
    """Return columns in which each source has one kind of its own."""
    index = np.arange(size, dtype=np.uint32)
    return Columns(
        tuple(f"{prefix}s{i}" for i in range(size)),
        tuple(f"{prefix}k{i}" for i in range(size)),
        index,
        index,
        np.full(size, 1_700_000_000 * SECOND),
        np.ones(size),
    )


WORKER = """
    import resource, sys
    from services.ledger.connection import StoreSettings
    from services.ledger.redis_ledger import open_ledger
    from tests.workers import Notes, consumer_of, drain

    ledger = open_ledger(StoreSettings(redis_url=sys.argv[1]), sys.argv[2])
    consumer = consumer_of(ledger, sys.argv[2], Notes())
    ledger.audit()
    [used_kb] = [line.split()[1] for line in open("/proc/self/status") if line.startswith("VmData")]
    limit = (int(used_kb) << 10) + (int(sys.argv[3]) << 20)
    resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))
    drain(consumer, ledger)
"""


def run_worker(script: str, *arguments: str) -> "subprocess.CompletedProcess[bytes]":
    """Run a worker until nothing waits, or until it dies."""
    command = [sys.executable, "-c", textwrap.dedent(script), *arguments]
    return subprocess.run(command, check=False, timeout=60, capture_output=True)


def test_a_large_dictionary_of_names_costs_what_occurs_in_it(ledger: RedisLedger, store: str) -> None:
    """Sixty entries of 12 kB, each with other names that span a million pairs, in 80 MiB beside the worker's own."""
    for sequence in range(1, 9):
        append_columns(ledger, sequence, diagonal(NAMES, prefix=f"{sequence % 8}-"))
    for sequence in range(9, 61):
        append_columns(ledger, sequence, diagonal(NAMES, prefix=f"{sequence % 8}-"), run=f"r{sequence % 8}")

    ended = run_worker(WORKER, store, "worker", "80")

    assert ended.returncode == 0, ended.stderr.decode()[-2_000:]
    audit = ledger.audit()
    assert (audit.balance.counted, audit.balance.dead, audit.balance.residual) == (60 * NAMES, 0, 0)


DYING_WORKER = """
    import os, signal, sys
    from services.ledger.connection import StoreSettings
    from services.ledger.redis_ledger import open_ledger
    from services.process_worker import decoding
    from tests.workers import Notes, consumer_of, drain

    decode = decoding.decode

    def decode_or_die(payload):
        # As the kernel ends a process that needs more memory than there is.
        if len(payload) > 10_000:
            os.kill(os.getpid(), signal.SIGKILL)
        return decode(payload)

    decoding.decode = decode_or_die
    ledger = open_ledger(StoreSettings(redis_url=sys.argv[1]), sys.argv[2])
    drain(consumer_of(ledger, sys.argv[2], Notes(), idle_s=0.2), ledger)
"""


@pytest.mark.parametrize("name", ["worker", "worker-{life}"], ids=["fixed name", "a name for each life"])
def test_an_entry_that_kills_when_it_is_opened_is_isolated(ledger: RedisLedger, store: str, name: str) -> None:
    """A few workers die of it. In the end it alone is a dead letter, and all other events are counted."""
    for sequence in range(1, 6):
        append(ledger, sequence, ["x"] * 10)
    append_columns(ledger, 6, diagonal(NAMES))
    for sequence in range(7, 12):
        append(ledger, sequence, ["x"] * 10)
    deaths = 0
    for life in range(10):
        ended = run_worker(DYING_WORKER, store, name.format(life=life))
        if ended.returncode == 0:
            break
        assert ended.returncode == -signal.SIGKILL, ended.stderr.decode()[-2_000:]
        deaths += 1

    [letter] = ledger.dead_letters()
    assert (letter.index, letter.events, letter.reason) == (-1, NAMES, "killed two workers when it was opened")
    audit = ledger.audit()
    assert (audit.balance.counted, audit.balance.dead, audit.balance.residual) == (100, NAMES, 0)
    assert deaths == 4


def test_large_entries_are_read_a_few_at_a_time(ledger: RedisLedger, store: str) -> None:
    """Forty entries of a mebibyte: as many as a round may read would not fit into a small worker's memory."""
    names = tuple(f"{i:0250d}" for i in range(3_900))
    index = np.arange(10, dtype=np.uint32)
    large = Columns(names, ("k",), index, index * 0, np.full(10, 1_700_000_000 * SECOND), np.ones(10))
    for sequence in range(1, 41):
        append_columns(ledger, sequence, large)

    ended = run_worker(WORKER, store, "worker", "64")

    assert ended.returncode == 0, ended.stderr.decode()[-2_000:]
    assert ledger.audit().balance.counted == 400
