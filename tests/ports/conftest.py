"""A ledger on a real store, and a client of that store."""

from collections.abc import Callable, Iterator

import pytest
import redis

from services.ledger.connection import StoreSettings, open_client
from services.ledger.redis_ledger import RedisLedger, open_ledger


@pytest.fixture
def settings(store: str) -> StoreSettings:
    """Settings of a bootstrapped store."""
    return StoreSettings(redis_url=store)


@pytest.fixture
def raw(settings: StoreSettings) -> Iterator[redis.Redis]:
    """A client that reads keys and plants faults."""
    with open_client(settings) as client:
        yield client


@pytest.fixture
def ledger_of(settings: StoreSettings) -> Callable[..., RedisLedger]:
    """A function that opens a ledger for a consumer."""
    return lambda consumer="worker", **options: open_ledger(settings, consumer, **options)


@pytest.fixture
def ledger(ledger_of: Callable[..., RedisLedger]) -> RedisLedger:
    """A ledger for one consumer."""
    return ledger_of()
