"""What every stack of pods does with a fault: a stack on a cluster in memory, and the fake of other tests."""

import json
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path
from typing import Any, Final, NamedTuple

import pytest

from lab.errors import UsageFault
from lab.faults.kinds import Placed
from tests.fakes.capabilities import FakePods
from tests.fakes.cluster import FakeClusterClient
from tests.fakes.kubectl import FakeKubectl
from tests.unit.targets.kubernetes.samples import deployment, pod
from tests.unit.targets.kubernetes.stacks import stack

WORKER: Final = "process-worker"
ARM: Final = "arm64"
VERBS: Final = {"kill": "kill", "stop": "pause", "continue": "resume"}
"""What kubectl did → what was done to the stack."""


class World(NamedTuple):
    """A stack, and what was done to it: `kill`, `pause`, `resume`, `delete`, `scale`, `scale back`."""

    stack: Placed
    done: Callable[[], list[str]]


def done_in_memory(pods: FakePods) -> list[str]:
    """Return what was done to the fake."""
    return [f"{line.split()[0]}{' back' if line.endswith(' back') else ''}" for line in pods.done]


def done_on_a_cluster(cluster: FakeClusterClient, kubectl: FakeKubectl) -> list[str]:
    """Return what was done to the pods of a cluster; that the owner of a field was restored is left out."""
    words = ["delete" for line in cluster.done if line.startswith("delete Pod/")]
    for line in kubectl.done:
        verb, _, rest = line.partition(" ")
        if verb in VERBS:
            words.append(VERBS[verb])
        elif "spec" in json.loads(rest.partition(" ")[2]):
            words.append("scale back" if "scale" in words else "scale")
    return words


@pytest.fixture(params=["cluster", "memory"])
def world(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[World]:
    """Yield each stack, with a worker on arm64."""
    with ExitStack() as ending:
        if request.param == "memory":
            pods = FakePods()
            yield World(pods, lambda: done_in_memory(pods))
        else:
            scalable: dict[str, Any] = deployment()
            scalable["metadata"]["managedFields"] = []
            cluster, kubectl = FakeClusterClient(scalable, pod()), FakeKubectl(tmp_path)
            up = ending.enter_context(stack(cluster, kubectl=kubectl.commands))
            yield World(up, lambda: done_on_a_cluster(cluster, kubectl))


def test_its_services_run_in_pods(world: World) -> None:
    """Callers see it before they break anything."""
    assert isinstance(world.stack, Placed)
    assert world.done() == []


@pytest.mark.parametrize("architecture", ["", ARM], ids=["any", "its-own"])
@pytest.mark.parametrize("fault", ["kill", "delete"])
def test_what_happens_at_once_has_its_time(world: World, fault: str, architecture: str) -> None:
    """In nanoseconds since the epoch, by this machine's clock."""
    inject = {"kill": world.stack.kill, "delete": world.stack.delete_pod}[fault]
    began_ns = time.time_ns()
    assert began_ns <= inject(WORKER, architecture) <= time.time_ns()
    assert world.done() == [fault]


def lasting(placed: Placed, fault: str) -> AbstractContextManager[None]:
    """Return the context of a fault that lasts."""
    return placed.paused(WORKER, ARM) if fault == "pause" else placed.scaled(WORKER, ARM, replicas=3)


UNDOING: Final = [("pause", "resume"), ("scale", "scale back")]


@pytest.mark.parametrize(("fault", "undone"), UNDOING, ids=["pause", "scale"])
def test_what_lasts_is_undone_at_its_end(world: World, fault: str, undone: str) -> None:
    """Not before, and once."""
    with lasting(world.stack, fault):
        assert world.done() == [fault]
    assert world.done() == [fault, undone]


@pytest.mark.parametrize(("fault", "undone"), UNDOING, ids=["pause", "scale"])
def test_what_lasts_is_undone_after_an_error(world: World, fault: str, undone: str) -> None:
    """The error is raised."""
    with pytest.raises(ZeroDivisionError), lasting(world.stack, fault):
        raise ZeroDivisionError
    assert world.done() == [fault, undone]


def test_a_service_that_the_stack_does_not_have_is_refused(world: World) -> None:
    """By every fault; nothing is broken."""
    placed = world.stack
    for at_once in (placed.kill, placed.delete_pod):
        with pytest.raises(UsageFault, match="nobody"):
            at_once("nobody")
    with pytest.raises(UsageFault, match="nobody"), placed.paused("nobody", ARM):
        pytest.fail("nobody was paused")
    with pytest.raises(UsageFault, match="nobody"), placed.scaled("nobody", ARM, replicas=3):
        pytest.fail("nobody was scaled")
    assert world.done() == []
