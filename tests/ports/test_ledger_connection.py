"""The connection of a ledger."""

from services.ledger.connection import StoreSettings, open_client
from services.ledger.redis_ledger import open_ledger


def test_a_connection_that_the_server_closed_is_made_again(store: str) -> None:
    """A closed connection is noticed before its use, so that no call fails after a restart of the store."""
    settings = StoreSettings(redis_url=store)
    ledger = open_ledger(settings, "worker")
    assert ledger.audit().balance.accepted == 0
    raw = open_client(settings)
    raw.execute_command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
    raw.close()
    assert ledger.audit().balance.accepted == 0
