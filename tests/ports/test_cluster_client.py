"""What every client of a cluster does: the real one on a server that keeps objects, and the cluster in memory."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Final, NamedTuple

import pytest

from lab.errors import Exists
from lab.snapshots.kubernetes.kinds import CONFIG_MAP, DEPLOYMENT, NAMESPACE, NODE, POD, SECRET
from lab.snapshots.kubernetes.rights import Right
from lab.targets.kubernetes.client.kubeconfig import open_cluster
from lab.targets.kubernetes.client.port import Applied, ClusterClient
from tests.fakes.cluster import FakeClusterClient
from tests.unit.targets.kubernetes.api_server import serving
from tests.unit.targets.kubernetes.clusters import NAMESPACE as TESTBED
from tests.unit.targets.kubernetes.clusters import SECRET as SERVING
from tests.unit.targets.kubernetes.clusters import config_map
from tests.unit.targets.kubernetes.object_server import ObjectServer

PATCH_PODS: Final = Right("patch", "", "pods", "", "testbed", "lab")
FOREIGN: Final = config_map("a", managedFields=[{"manager": "kubectl"}])


class World(NamedTuple):
    """A client, and what its cluster holds.

    Attributes:
        client: Client of the namespace `testbed`.
        hold: Puts objects into the cluster.
        ran: Called with pod, container and what its runs printed, oldest first.
        deny: Takes a right from the user.
    """

    client: ClusterClient
    hold: Callable[[Iterable[Mapping[str, Any]]], None]
    ran: Callable[[str, str, Sequence[str]], None]
    deny: Callable[[Right], None]


@pytest.fixture(params=["server", "memory"])
def world(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[World]:
    """Yield each client; its cluster has the namespace, and nothing in it."""
    with ExitStack() as ending:
        if request.param == "memory":
            memory = FakeClusterClient()

            def ran_in_memory(pod: str, container: str, runs: Sequence[str]) -> None:
                memory.logs[pod, container] = runs

            made = World(memory, memory.hold, ran_in_memory, memory.denied.add)
        else:
            server = ending.enter_context(serving(ObjectServer()))
            client = open_cluster(server.kubeconfig(tmp_path), context="", namespace="testbed")

            def ran(pod: str, container: str, runs: Sequence[str]) -> None:
                logs = zip((False, True), reversed(runs), strict=False)
                server.logs |= {(pod, container, previous): log for previous, log in logs}

            def deny(right: Right) -> None:
                server.denied.add((right.verb, right.resource))

            made = World(client, server.hold, ran, deny)
        made.hold([TESTBED])
        yield made


def data_of(client: ClusterClient, name: str) -> Any:
    """Return the content of a ConfigMap; None where there is no such object."""
    body = client.find(CONFIG_MAP, name)
    return body and body["data"]


def test_an_empty_namespace_has_nothing(world: World) -> None:
    """Nothing is found, listed, read or deleted; none of this is an error."""
    client = world.client
    assert client.namespace == client.where.namespace == "testbed"
    assert client.find(NAMESPACE, "testbed") is not None
    assert client.find(CONFIG_MAP, "a") is None
    assert list(client.list(POD)) == []
    assert not client.delete(DEPLOYMENT, "a")
    assert (client.log("a"), client.log_since("a", "", 10)) == ("", "")


def test_applying_tells_what_it_changed(world: World) -> None:
    """The same content changes nothing. A Secret is not read, so that it is written every time."""
    client = world.client
    assert client.apply(config_map("a")) == Applied("ConfigMap", "a", "created")
    assert client.apply(config_map("a")) == Applied("ConfigMap", "a", "unchanged")
    assert client.apply(config_map("a", "other")) == Applied("ConfigMap", "a", "changed")
    assert data_of(client, "a") == {"x": "other"}
    assert [client.apply(SERVING).change for _ in range(2)] == ["written", "written"]


def test_a_field_of_another_manager_is_taken_over_by_force_alone(world: World) -> None:
    """The error names the manager; nothing is changed."""
    client = world.client
    world.hold([FOREIGN])
    for attempt in (client.apply, client.preview):
        with pytest.raises(Exists, match="cannot apply ConfigMap a") as error:
            attempt(config_map("a", "other"))
        assert "kubectl" in error.value.found
        assert error.value.reason == "E_CONFLICT"
    assert data_of(client, "a") == FOREIGN["data"]
    assert client.apply(config_map("a", "other"), force=True).change == "changed"
    assert data_of(client, "a") == {"x": "other"}


def test_a_preview_shows_both_states_and_changes_nothing(world: World) -> None:
    """Before is None where there is no object, and for a Secret."""
    client = world.client
    client.apply(config_map("a"))
    client.apply(SERVING)
    before, after = client.preview(config_map("a", "other"))
    assert before is not None
    assert (before["data"], after["data"]) == ({"x": "a\nb\n"}, {"x": "other"})
    assert [client.preview(body)[0] for body in (config_map("b"), SERVING)] == [None, None]
    assert data_of(client, "a") == {"x": "a\nb\n"}
    assert data_of(client, "b") is None


def test_a_list_holds_the_objects_of_a_kind_that_a_selector_takes(world: World) -> None:
    """Every label of the selector counts. Kinds without a namespace are listed, too."""
    client = world.client
    node = {"apiVersion": "v1", "kind": "Node", "metadata": {"name": "r3"}}
    labels = {"both": {"x": "1", "y": "2"}, "first": {"x": "1", "y": "3"}, "none": {}}
    world.hold([node, *(config_map(name, labels=having) for name, having in labels.items())])
    chosen = {selector: names(client.list(CONFIG_MAP, selector=selector)) for selector in ("", "x=1", "x=1,y=2", "z=1")}
    assert chosen == {"": set(labels), "x=1": {"both", "first"}, "x=1,y=2": {"both"}, "z=1": set()}
    assert names(client.list(NODE)) == {"r3"}


def names(bodies: Sequence[Mapping[str, Any]]) -> set[str]:
    """Return the names of objects."""
    return {body["metadata"]["name"] for body in bodies}


def test_an_object_is_deleted_once_and_a_namespace_with_everything_in_it(world: World) -> None:
    """Objects of the whole cluster stay."""
    client = world.client
    world.hold(
        [config_map("a"), config_map("b"), SERVING, {"apiVersion": "v1", "kind": "Node", "metadata": {"name": "r"}}]
    )
    assert [client.delete(CONFIG_MAP, "a") for _ in range(2)] == [True, False]
    assert names(client.list(CONFIG_MAP)) == {"b"}
    assert client.delete(SECRET, "lab-serving")
    assert client.delete(NAMESPACE, "testbed")
    assert client.find(NAMESPACE, "testbed") is None
    assert list(client.list(CONFIG_MAP)) == []
    assert names(client.list(NODE)) == {"r"}


def test_a_log_is_that_of_one_run_of_one_container(world: World) -> None:
    """Without a name it is the service's; the last lines come on request."""
    client = world.client
    world.ran("a", "", ["crash\n", "again\nserving\n"])
    world.ran("a", "bootstrap", ["done\n"])
    assert client.log("a") == "again\nserving\n"
    assert client.log("a", lines=1) == "serving\n"
    assert client.log("a", previous=True) == "crash\n"
    assert client.log("a", "bootstrap") == "done\n"
    assert client.log("a", "bootstrap", previous=True) == ""
    assert client.log("b") == ""


def test_the_lines_since_a_time_include_those_of_that_time(world: World) -> None:
    """The last of them come on request; without a time, all lines count."""
    client = world.client
    times = [f"2026-11-25T02:00:0{second}Z {word}\n" for second, word in enumerate(("first", "second", "third"), 1)]
    world.ran("a", "", ["".join(times)])

    def words(since: str, lines: int) -> list[str]:
        return [line.split()[1] for line in client.log_since("a", since, lines).splitlines()]

    assert words("", 10) == ["first", "second", "third"]
    assert words("", 2) == ["second", "third"]
    assert words("2026-11-25T02:00:02Z", 10) == ["second", "third"]


def test_a_user_is_told_which_rights_it_has(world: World) -> None:
    """By the cluster's word, as the user's name and the version are."""
    client = world.client
    assert client.user().endswith("eve")
    assert client.version().startswith("v1.")
    assert client.may(PATCH_PODS)
    world.deny(PATCH_PODS)
    assert not client.may(PATCH_PODS)
    assert client.may(PATCH_PODS._replace(verb="get"))
