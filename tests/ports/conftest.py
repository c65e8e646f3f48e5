"""A ledger on a real store, a client of that store, and a whole stack of real processes."""

import uuid
from collections.abc import Callable, Iterator

import pytest
import redis

from lab.settings import load_settings
from lab.targets.port import StackRequest
from lab.targets.processes.deployment import ProcessDeployment
from lab.targets.processes.target import ProcessTarget
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


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ProcessDeployment]:
    """A stack of real processes for all suites of this folder; every test leaves it healthy."""
    target = ProcessTarget(load_settings(state_dir=tmp_path_factory.mktemp("state")))
    with target.deployed(StackRequest(reuse=False), lambda *_: None) as deployment:
        deployment.bring_up()
        yield deployment


@pytest.fixture
def run() -> str:
    """A run that no other test writes."""
    return f"run-{uuid.uuid4().hex[:12]}"
