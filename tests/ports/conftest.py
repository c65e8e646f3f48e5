"""A ledger on a real store, a client of that store, a stack of real processes, and a Prometheus that scraped."""

import uuid
from collections.abc import Callable, Iterator

import pytest
import redis

from lab.metrics.port import Evaluating
from lab.settings import load_settings
from lab.targets.port import StackRequest
from lab.targets.processes.deployment import ProcessDeployment
from lab.targets.processes.target import ProcessTarget
from services.ledger.connection import StoreSettings, open_client
from services.ledger.redis_ledger import RedisLedger, open_ledger
from tests.ports.scraped import World, scraped_world


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
    with target.deployed(StackRequest(), lambda *_: None) as deployment:
        deployment.bring_up()
        yield deployment


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """Yield a Prometheus once it has scraped a few times."""
    with scraped_world(tmp_path_factory.mktemp("server")) as world:
        yield world


@pytest.fixture(params=["prometheus", "recorded"])
def source(world: World, request: pytest.FixtureRequest) -> Evaluating:
    """Return each source over the same samples."""
    return world.source if request.param == "prometheus" else world.recorded


@pytest.fixture
def run() -> str:
    """A run that no other test writes."""
    return f"run-{uuid.uuid4().hex[:12]}"
