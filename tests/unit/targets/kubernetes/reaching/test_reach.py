"""Ports that lead to a cluster are opened when needed, kept, and closed."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from lab.errors import Unavailable
from lab.targets.kubernetes.client.kubectl import Kubectl
from lab.targets.kubernetes.reaching.reach import Reach
from tests.fakes.cluster import FakeClusterClient
from tests.fakes.forwards import FakeForwards


@pytest.fixture
def ports() -> FakeForwards:
    """Return the ports, none of which is open."""
    return FakeForwards()


@pytest.fixture
def reach(ports: FakeForwards, tmp_path: Path) -> Iterator[Reach]:
    """Yield a reach that is closed at the end, when no port may be open."""
    with closing(Reach(FakeClusterClient(), "", Kubectl("testbed", "a b"), tmp_path, open_port=ports)) as reach:
        yield reach
    assert ports.open == set()


def test_an_address_stays_the_same(ports: FakeForwards, reach: Reach) -> None:
    """A channel to the address then reaches the next pod."""
    assert reach.services(["query-api"], insist=True) == reach.services(["query-api"], insist=False) == ["127.0.0.1:1"]
    assert reach.port("deployment/prometheus", 9090) == reach.port("deployment/prometheus", 9090) == "127.0.0.1:2"
    assert ports.opened == ["service/query-api:7000", "deployment/prometheus:9090"]


def test_ports_of_pods_that_are_no_longer_wanted_are_closed(ports: FakeForwards, reach: Reach) -> None:
    """The pods may be gone; ports of services stay open."""
    reach.services(["query-api"], insist=True)
    reach.pods(["a", "b"])
    assert reach.pods(["b", "c"]) == ["127.0.0.1:3", "127.0.0.1:4"]
    assert ports.open == {"service/query-api", "pod/b", "pod/c"}


def test_a_service_that_is_not_reached_is_an_error_for_callers_that_insist(ports: FakeForwards, reach: Reach) -> None:
    """For other callers it has no address. Every call tries again."""
    ports.gone = {"service/query-api", "pod/a"}
    assert reach.services(["ingest-api", "query-api"], insist=False) == ["127.0.0.1:1", ""]
    with pytest.raises(Unavailable, match="service/query-api"):
        reach.services(["ingest-api", "query-api"], insist=True)
    assert reach.pods(["a", "b"]) == ["", "127.0.0.1:5"]
    ports.gone = set()
    assert reach.services(["query-api"], insist=True) == ["127.0.0.1:6"]


def test_a_port_may_be_opened_for_a_context(ports: FakeForwards, reach: Reach) -> None:
    """The port is closed at its end, also where it was not reached."""
    with reach.temporary_port("pod/collector", 8888) as address:
        assert (address, ports.open) == ("127.0.0.1:1", {"pod/collector"})
    assert ports.open == set()
    ports.gone = {"pod/collector"}
    with pytest.raises(Unavailable), reach.temporary_port("pod/collector", 8888):
        pytest.fail("it was not reached")
    assert ports.open == set()


def test_a_port_is_opened_by_hand_with_a_command(reach: Reach) -> None:
    """The command is ready to be pasted."""
    command = "kubectl --namespace testbed --context 'a b' port-forward service/x 80"
    assert reach.forward_command("service/x", 80) == command
