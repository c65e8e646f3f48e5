"""What all dependencies do that are asked for a snapshot: real servers on loopback, and servers in memory."""

from contextlib import ExitStack, closing
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import pytest

from lab.errors import LabError
from lab.model import Endpoints, StoreLogin
from lab.probes.ports import Dependencies
from lab.settings import LabSettings
from lab.snapshots.answers import PrometheusProbe, StoreProbe
from lab.snapshots.images import ImageProbe, Platform, RegistryProbe
from lab.wiring import dependencies
from services.contracts.store_users import BOOTSTRAP
from tests import registry
from tests.fakes.dependencies import FakeDependencies, nobody
from tests.fakes.ledger import FakeLedger
from tests.programs import free_port
from tests.registry import Pusher, layer
from tests.waiting import until

ACCEPTED = "ingest_events_accepted_total"


class World(NamedTuple):
    """Dependencies, and where servers are that answer and that do not.

    Attributes:
        named: Dependencies whose settings name servers that answer.
        unnamed: Dependencies whose settings name nothing.
        away: Dependencies whose settings name servers that do not answer.
        endpoints: Store, metrics server and query-api that answer.
        nowhere: host:port where nobody listens.
        not_query: host:port of a service that has no ledger.
        login: How to log in to the store.
    """

    named: Dependencies
    unnamed: Dependencies
    away: Dependencies
    endpoints: Endpoints
    nowhere: str
    not_query: str
    login: StoreLogin


def of_settings(endpoints: Endpoints, login: StoreLogin) -> World:
    """Return dependencies that ask servers by the lab's settings."""
    nowhere = f"127.0.0.1:{free_port()}"
    redis_url = endpoints.redis_url.replace("//", f"//{login.user}@")
    store = {"redis_url": redis_url, "redis_password_file": login.password_file}
    servers = {**store, "prometheus_url": endpoints.prometheus_url}
    gone = {"redis_url": f"redis://{nowhere}/0", "prometheus_url": f"http://{nowhere}", "registry": f"{nowhere}/lab"}
    named, unnamed, away = (
        dependencies(LabSettings.model_validate({"registry_insecure": True, **given})) for given in (servers, {}, gone)
    )
    return World(named, unnamed, away, endpoints, nowhere, not_query=endpoints.ingest, login=login)


def in_memory() -> World:
    """Return the fakes."""
    endpoints = Endpoints(query="127.0.0.1:1", redis_url="redis://127.0.0.1:2/0", prometheus_url="http://127.0.0.1:3")
    store = StoreProbe("127.0.0.1:2", reachable=True, authenticated=True, kind="valkey", version="9.1.2")
    metrics = PrometheusProbe(endpoints.prometheus_url, reachable=True, version="2.53.5")
    unnamed = FakeDependencies(
        stores={endpoints.redis_url: store},
        metrics_servers={endpoints.prometheus_url: metrics},
        answer=lambda: {"i": 1.0},
        accounts={endpoints.query: FakeLedger()},
    )
    named = replace(
        unnamed,
        stores={"": store, endpoints.redis_url: store},
        metrics_servers={"": metrics, endpoints.prometheus_url: metrics},
    )
    error = "Connection refused"
    away = FakeDependencies(
        RegistryProbe("127.0.0.1:4", reachable=False, error=error),
        stores={"": StoreProbe("127.0.0.1:4", reachable=False, error=error)},
        metrics_servers={"": PrometheusProbe("http://127.0.0.1:4", reachable=False, error=error)},
        answer=nobody(error),
    )
    return World(
        named, unnamed, away, endpoints, "127.0.0.1:4", not_query="127.0.0.1:5", login=StoreLogin(Path("nowhere"))
    )


@pytest.fixture(params=["settings", "memory"])
def world(request: pytest.FixtureRequest) -> World:
    """Return each world."""
    if request.param == "memory":
        return in_memory()
    stack = request.getfixturevalue("stack")
    return of_settings(stack.endpoints, StoreLogin(stack.stack_folder.password_of(BOOTSTRAP), BOOTSTRAP))


def test_what_the_settings_do_not_name_is_not_asked(world: World) -> None:
    """None is no probe of a server that is away."""
    assert (world.unnamed.registry(), world.unnamed.store(), world.unnamed.prometheus()) == (None, None, None)


def test_servers_that_answer_tell_their_versions(world: World) -> None:
    """A store also whether it lets the lab in."""
    store, prometheus = world.named.store(), world.named.prometheus()
    assert store is not None
    assert prometheus is not None
    assert (store.reachable, store.authenticated, store.kind, store.error) == (True, True, "valkey", "")
    assert store.version[0].isdigit()
    assert (prometheus.url, prometheus.reachable) == (world.endpoints.prometheus_url, True)
    assert prometheus.version[0].isdigit()


def test_a_url_takes_the_place_of_the_settings(world: World) -> None:
    """The stack of a run may use other servers than the settings name."""
    endpoints = world.endpoints
    assert world.unnamed.store(endpoints.redis_url, world.login) == world.named.store()
    there, nowhere = world.unnamed.prometheus(endpoints.prometheus_url), world.named.store(f"redis://{world.nowhere}/0")
    assert there is not None
    assert nowhere is not None
    assert (there.reachable, nowhere.reachable, nowhere.address) == (True, False, world.nowhere)


def test_servers_that_are_away_are_probes_that_say_why(world: World) -> None:
    """They are no errors, so that the rest is asked."""
    probes = (world.away.registry(), world.away.store(), world.away.prometheus())
    for probe in probes:
        assert probe is not None
        assert probe.reachable is False
        assert "refused" in probe.error


def test_every_reference_has_a_probe_in_its_place(world: World) -> None:
    """Also where its registry does not answer; an image then is neither there nor missing."""
    references = [f"{world.nowhere}/lab/{name}:dev" for name in ("b", "a")]
    probes = world.away.images(references)
    assert [(probe.reference, probe.found) for probe in probes] == [(reference, None) for reference in references]
    assert all("refused" in probe.error for probe in probes)
    assert list(world.named.images([])) == []


def test_samples_are_those_of_processes(world: World) -> None:
    """Each with the time of its newest sample, in seconds since the epoch."""
    samples = world.named.samples(world.endpoints.prometheus_url)
    until(lambda: bool(samples.newest(ACCEPTED)))
    assert all(instance and at > 0.0 for instance, at in samples.newest(ACCEPTED).items())


def test_samples_of_a_server_that_is_away_are_an_error(world: World) -> None:
    """No samples would be a fault of the services."""
    samples = world.away.samples(f"http://{world.nowhere}")
    with pytest.raises(LabError):
        samples.newest(ACCEPTED)


def test_a_ledger_balances_and_is_closed(world: World) -> None:
    """It is the account of the whole store."""
    with closing(world.named.ledger(world.endpoints)) as ledger:
        assert ledger.view("").balance.residual == 0


def test_a_ledger_that_cannot_be_read_is_an_error_when_it_is_read(world: World) -> None:
    """It can be closed all the same."""
    with closing(world.named.ledger(Endpoints(query=world.not_query))) as ledger, pytest.raises(LabError):
        ledger.view("")


@pytest.mark.parametrize("place", ["registry", "memory"])
def test_images_that_are_held_are_found(place: str, tmp_path: Path) -> None:
    """With the architecture of each."""
    with ExitStack() as servers:
        dependencies, reference = (held_in_memory if place == "memory" else held_by_a_registry)(servers, tmp_path)
        probe = dependencies.registry()
        [image] = dependencies.images([reference])
    assert probe is not None
    assert (probe.reachable, probe.scheme, probe.error) == (True, "http", "")
    assert (image.reference, image.found, image.error) == (reference, True, "")
    assert [platform.holds for platform in image.platforms] == ["arm64"]


def held_by_a_registry(servers: ExitStack, folder: Path) -> tuple[Dependencies, str]:
    """Push an image to a registry; return dependencies that name the registry, and the image."""
    if registry.find_registry() is None:
        pytest.skip("no docker-registry: make servers")
    running = servers.enter_context(registry.running(folder))
    with Pusher(f"http://{running.host}", "lab/app") as pusher:
        pushed = pusher.image({"architecture": "arm64", "os": "linux"}, [layer({"a": b"b"})])
    settings = LabSettings(registry=f"{running.host}/lab", registry_insecure=True)
    return dependencies(settings), f"{running.host}/lab/app@{pushed['digest']}"


def held_in_memory(_servers: ExitStack, _folder: Path) -> tuple[Dependencies, str]:
    """Return the fake with an image."""
    reference = "h:5000/lab/app@sha256:" + "a" * 64
    image = ImageProbe(reference, found=True, platforms=(Platform("arm64", "sha256:" + "a" * 64, "arm64"),))
    return FakeDependencies(RegistryProbe("h:5000", reachable=True, scheme="http"), {reference: image}), reference
