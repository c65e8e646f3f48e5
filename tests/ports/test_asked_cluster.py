"""What every cluster does of which a snapshot is taken: one behind a server on loopback, and the cluster in memory."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, NamedTuple

import pytest

from lab.errors import BadConfig, Forbidden, LabError, Unavailable
from lab.probes.denials import denials_in
from lab.probes.ports import AskedCluster
from lab.snapshots.gaps import Denial
from lab.snapshots.kubernetes import Raw
from lab.snapshots.kubernetes.kinds import DEPLOYMENT, EVENT, NAMESPACE, POD, Kind
from lab.snapshots.kubernetes.rights import Right
from lab.targets.kubernetes.client.kubeconfig import open_cluster
from tests.fakes.probed import FakeCluster
from tests.unit.targets.kubernetes.api_server import PODS, serving
from tests.unit.targets.kubernetes.object_server import ObjectServer

LIST_PODS: Final = Right("list", "", "pods", "", "testbed", "lab")
GET_LOGS: Final = Right("get", "", "pods/log", "", "testbed", "lab")


def pod(name: str) -> Raw:
    """Return a pod."""
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}}


@dataclass(frozen=True, slots=True)
class Planted:
    """What a cluster has beside its namespace.

    Attributes:
        pods: Names of its pods.
        logs: (container, whether of the previous run) → log of the pod `a`.
        may_list_pods: Whether the user may.
    """

    pods: tuple[str, ...] = ()
    logs: dict[tuple[str, bool], str] = field(default_factory=dict)
    may_list_pods: bool = True


class Opened(NamedTuple):
    """A cluster, and a function after which nobody answers in its place."""

    cluster: AskedCluster
    leave: Callable[[], None]


Open = Callable[[Planted], Opened]


@pytest.fixture(params=["api server", "memory"])
def opened(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Open]:
    """Yield what plants each cluster."""
    with ExitStack() as servers:

        def behind_a_server(planted: Planted) -> Opened:
            server = servers.enter_context(serving(ObjectServer()))
            server.hold([{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "testbed"}}])
            server.hold(map(pod, planted.pods))
            server.logs = {("a", *place): log for place, log in planted.logs.items()}
            if not planted.may_list_pods:
                server.denied, server.refuses = {("list", "pods")}, {PODS: 403}
            return Opened(open_cluster(server.kubeconfig(tmp_path), context="", namespace="testbed"), servers.close)

        def in_memory(planted: Planted) -> Opened:
            cluster = FakeCluster({"Pod": [*map(pod, planted.pods)]}, logs=planted.logs)
            if not planted.may_list_pods:
                cluster.denied, cluster.refused = frozenset({("list", "pods")}), {"Pod": "pods"}
            return Opened(cluster, lambda: setattr(cluster, "is_away", True))

        yield in_memory if request.param == "memory" else behind_a_server


def test_a_cluster_names_its_place(opened: Open) -> None:
    """Address, user and namespace, without being asked."""
    cluster, leave = opened(Planted())
    leave()
    assert cluster.namespace == cluster.where.namespace == "testbed"
    assert cluster.where.server.startswith("http")
    assert cluster.where.user


def test_a_cluster_tells_its_version(opened: Open) -> None:
    """As the server names it."""
    assert opened(Planted()).cluster.version().startswith("v1.")


def test_the_objects_of_a_kind_are_listed(opened: Open) -> None:
    """All of them, and none of another kind."""
    cluster, _ = opened(Planted(("a", "b")))
    assert [raw["metadata"]["name"] for raw in cluster.list(POD)] == ["a", "b"]
    assert list(cluster.list(EVENT)) == []


def test_an_object_is_found_by_its_name(opened: Open) -> None:
    """None where there is none of that name."""
    cluster, _ = opened(Planted(("a", "b")))
    namespace, pod_b = cluster.find(NAMESPACE, "testbed"), cluster.find(POD, "b")
    assert namespace is not None
    assert pod_b is not None
    assert (namespace["metadata"]["name"], pod_b["metadata"]["name"]) == ("testbed", "b")
    assert cluster.find(POD, "c") is None
    assert cluster.find(DEPLOYMENT, "a") is None


def test_a_kind_that_the_cluster_does_not_have_is_a_fault_of_the_configuration(opened: Open) -> None:
    """A snapshot then has no objects of it."""
    with pytest.raises(BadConfig, match="knows no Podd"):
        opened(Planted()).cluster.list(Kind("v1", "Podd"))


def test_a_refusal_tells_which_right_the_user_lacks(opened: Open) -> None:
    """And names the user as a review does."""
    cluster, _ = opened(Planted(("a",), may_list_pods=False))
    with pytest.raises(Forbidden) as refused:
        cluster.list(POD)
    assert list(denials_in(refused.value)) == [Denial("list", "pods", "testbed", "", cluster.user())]


def test_a_user_may_ask_which_rights_there_are(opened: Open) -> None:
    """One right at a time, subresources included."""
    cluster, _ = opened(Planted(may_list_pods=False))
    assert (cluster.may(LIST_PODS), cluster.may(GET_LOGS)) == (False, True)
    assert opened(Planted()).cluster.may(LIST_PODS)


def test_logs_of_the_current_and_of_the_previous_run_are_read(opened: Open) -> None:
    """Each container has its own."""
    logs = {("service", False): "serving\n", ("service", True): "Traceback\n", ("bootstrap", False): "done\n"}
    cluster, _ = opened(Planted(("a",), logs))
    read = {place: cluster.log("a", place[0], previous=place[1], lines=10) for place in logs}
    assert read == logs


def test_a_container_that_never_ran_has_an_empty_log(opened: Open) -> None:
    """That is no error: its image may still be pulled."""
    cluster, _ = opened(Planted(("a",), {("service", False): "serving\n"}))
    assert cluster.log("a", "bootstrap") == cluster.log("a", "service", previous=True) == ""


@pytest.mark.parametrize(
    "question",
    [
        lambda cluster: cluster.version(),
        lambda cluster: cluster.list(POD),
        lambda cluster: cluster.find(NAMESPACE, "testbed"),
        lambda cluster: cluster.may(LIST_PODS),
        lambda cluster: cluster.log("a", "service"),
    ],
    ids=["version", "list", "find", "may", "log"],
)
def test_a_cluster_that_is_away_is_unavailable(opened: Open, question: Callable[[AskedCluster], object]) -> None:
    """Missing is neither empty nor refused."""
    cluster, leave = opened(Planted(("a",)))
    leave()
    with pytest.raises(LabError) as away:
        question(cluster)
    assert (type(away.value), away.value.reason) == (Unavailable, "E_UNREACHABLE")
