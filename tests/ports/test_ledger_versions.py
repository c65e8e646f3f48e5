"""Several versions of the ledger's functions serve one store, each with its own names."""

from collections.abc import Callable

import pytest
import redis

from services.bootstrap.store import bootstrap
from services.ledger import errors, library, session
from services.ledger.connection import StoreSettings
from services.ledger.redis_ledger import RedisLedger, open_ledger
from tests.ports.entries import RUN, append_of, batch, commit_of, exact_sum, fill

OTHER = "0123456789ab"
"""Hash of another version."""
EARLIER = """#!lua name=lab_ledger
redis.register_function{function_name = 'lab_append', callback = function() return 'earlier' end}
"""
"""A version whose library and functions had no hash in their names."""


def other_version(raw: redis.Redis) -> Callable[[str], bytes]:
    """Load another version of the functions. Return how its functions are called."""
    name = library.LIBRARY.replace(library.VERSION, OTHER)
    raw.function_load(library.CODE.replace(library.LIBRARY, name).replace(library.VERSION, OTHER))
    return lambda name: library.function(name).replace(library.VERSION.encode(), OTHER.encode())


def test_bootstrap_leaves_the_functions_of_other_versions_alone(settings: StoreSettings, raw: redis.Redis) -> None:
    """They answer as before, with and without a hash in their names."""
    raw.function_load(EARLIER)
    other = other_version(raw)

    bootstrap(settings)

    assert raw.execute_command("FCALL", "lab_append", 0) == b"earlier"
    assert {row[1] for row in raw.function_list()} == {
        b"lab_ledger",
        library.LIBRARY.encode(),
        library.LIBRARY.replace(library.VERSION, OTHER).encode(),
    }
    assert raw.execute_command("FCALL_RO", other("facts"), 1, "{lab:lab}:")


def test_two_versions_share_one_ledger(
    ledger: RedisLedger, settings: StoreSettings, raw: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    """During a rolling update one appends and the other commits, and no event is lost or counted twice."""
    other = other_version(raw)
    written = fill(ledger, 4)
    with monkeypatch.context() as patched:
        patched.setattr(session, "function", other)
        newer = open_ledger(settings, "newer")
        assert newer.append(append_of(batch(1), 1)).duplicate
        assert newer.commit(commit_of(newer.read(count=2, block_ms=10))).counted == 100
    ledger.commit(commit_of(ledger.read(count=2, block_ms=10)))

    changes = ledger.changes(RUN, since=0)
    assert sum(aggregate.sum_micro for aggregate in changes.totals.values()) == exact_sum(written)
    assert (changes.balance.counted, changes.balance.duplicates, changes.balance.residual) == (200, 50, 0)


def test_a_store_that_holds_only_another_version_says_what_to_do(ledger: RedisLedger, raw: redis.Redis) -> None:
    """A service whose bootstrap step did not run is told to run it."""
    other_version(raw)
    raw.function_delete(library.LIBRARY)

    with pytest.raises(errors.StoreEmpty, match="run the bootstrap step"):
        fill(ledger, 1)


def test_a_damaged_library_is_loaded_again(settings: StoreSettings, raw: redis.Redis) -> None:
    """The name alone does not prove the code."""
    raw.function_load(f"#!lua name={library.LIBRARY}\nredis.register_function('x', function() end)", replace=True)

    bootstrap(settings)

    ledger = open_ledger(settings, "worker")
    before = ledger.balance().accepted
    fill(ledger, 1)
    assert ledger.balance().accepted > before


def test_a_prepared_store_is_not_written_to(settings: StoreSettings, raw: redis.Redis) -> None:
    """Services start at the store's memory limit as well, where every write would be denied."""
    raw.config_set("maxmemory", 1)
    facts = bootstrap(settings, require_durability="durable")
    raw.config_set("maxmemory", 0)

    assert facts.durability == "durable"
