"""The connections of a ledger."""

import threading
from collections.abc import Callable

import redis

from services.ledger.connection import StoreSettings, open_client
from services.ledger.durability import DurabilityWatch
from services.ledger.redis_ledger import RedisLedger, open_ledger

MORE_THAN_A_POOL_TAKES = 150


def test_a_connection_that_the_server_closed_is_made_again(store: str) -> None:
    """A closed connection is noticed before its use, so that no call fails after a restart of the store."""
    settings = StoreSettings(redis_url=store)
    ledger = open_ledger(settings, "worker")
    assert ledger.audit().balance.accepted == 0
    raw = open_client(settings)
    raw.execute_command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
    raw.close()
    assert ledger.audit().balance.accepted == 0


def test_a_service_goes_on_however_many_threads_it_has_had(ledger: RedisLedger, raw: redis.Redis) -> None:
    """A thread that waited for its caller is replaced; the connection of the thread that ended is closed."""
    accepted = []
    for _ in range(MORE_THAN_A_POOL_TAKES):
        thread = threading.Thread(target=lambda: accepted.append(ledger.balance().accepted))
        thread.start()
        thread.join()

    assert accepted == [0] * MORE_THAN_A_POOL_TAKES
    assert len(raw.client_list()) < MORE_THAN_A_POOL_TAKES / 10


def test_what_is_read_again_and_again_is_read_by_one_thread(ledger_of: Callable[..., RedisLedger]) -> None:
    """Each thread of its own would take a connection of its own."""
    ledger, readers = ledger_of(), set()

    def read() -> str:
        readers.add(threading.get_ident())
        return ledger.facts().durability

    watch = DurabilityWatch(read, "unknown", every_s=0.0)
    assert {watch() for _ in range(MORE_THAN_A_POOL_TAKES)} == {"durable"}
    assert len(readers) == 1
