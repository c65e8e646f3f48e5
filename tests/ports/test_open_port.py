"""What everything that opens ports to a cluster does: port-forwards of kubectl, and the fake that other tests use."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from typing import NamedTuple

import pytest

from lab.errors import Unavailable
from lab.targets.kubernetes.client.kubectl import Kubectl
from lab.targets.kubernetes.reaching.forwarding import Forward
from lab.targets.kubernetes.reaching.reach import LocalPort, OpenPort
from tests.fakes.forwards import FakeForwards
from tests.fakes.kubectl import FakeKubectl


class World(NamedTuple):
    """A function that opens ports, the commands that it uses, and a function that makes a resource unreachable."""

    open_port: OpenPort
    kubectl: Kubectl
    lose: Callable[[str], object]


def of_kubectl(folder: Path) -> World:
    """Return the function that opens ports by kubectl."""
    kubectl = FakeKubectl(folder)
    return World(Forward, kubectl.commands, lambda resource: kubectl.fail(resource, f"error: no {resource}"))


def of_memory(_folder: Path) -> World:
    """Return the function that opens ports in other tests."""
    forwards = FakeForwards()
    return World(forwards, Kubectl("testbed", "here"), forwards.gone.add)


@pytest.fixture(params=[of_kubectl, of_memory], ids=["kubectl", "memory"])
def world(request: pytest.FixtureRequest, tmp_path: Path) -> World:
    """Return each function that opens ports, with which every resource is reached."""
    made: World = request.param(tmp_path)
    return made


@pytest.fixture
def opened(world: World, tmp_path: Path) -> Iterator[Callable[[str, int], LocalPort]]:
    """Yield a function that opens a port of a resource; every port is closed at the end."""
    with ExitStack() as closed:

        def opened_port(resource: str, port: int) -> LocalPort:
            log = tmp_path / f"{resource.replace('/', '-')}-{port}.forward"
            return closed.enter_context(closing(world.open_port(world.kubectl, resource, port, log=log)))

        yield opened_port


Open = Callable[[str, int], LocalPort]


def test_an_address_is_on_this_machine_and_stays_the_same(opened: Open) -> None:
    """However often a caller waits."""
    port = opened("service/query-api", 7000)
    address = port.wait()
    assert address.startswith("127.0.0.1:")
    assert port.wait() == address


def test_every_port_has_an_address_of_its_own(opened: Open) -> None:
    """Also two ports of the same resource; they are opened without waiting for each other."""
    ports = [opened("pod/a", 7000), opened("pod/b", 7000), opened("pod/b", 8888)]
    assert len({port.wait() for port in ports}) == len(ports)


def test_a_port_that_is_not_reached_is_named(world: World, opened: Open) -> None:
    """By every wait for it; a port that is reached stays so."""
    world.lose("pod/gone")
    reached, lost = opened("pod/a", 7000), opened("pod/gone", 7000)
    for _ in range(2):
        with pytest.raises(Unavailable, match="cannot reach port 7000 of pod/gone"):
            lost.wait()
    assert reached.wait()


def test_a_port_may_be_closed_at_any_time(world: World, opened: Open) -> None:
    """Before it was reached, after it was lost, and again."""
    world.lose("pod/gone")
    early, lost = opened("pod/a", 7000), opened("pod/gone", 7000)
    early.close()
    with pytest.raises(Unavailable):
        lost.wait()
    for port in (early, lost):
        port.close()
