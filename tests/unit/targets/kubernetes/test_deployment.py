"""A stack on a cluster, a part of which does not run. No network is used."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from functools import partial
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import pytest

from lab.errors import Forbidden, Unavailable
from lab.model import Access, Endpoints, ServiceStatus
from lab.rpc import service_status
from lab.systems.services import SERVICES
from lab.targets.follow import followed_pods
from lab.targets.kubernetes import deployment as module
from lab.targets.kubernetes.deployment import ClusterDeployment
from lab.targets.kubernetes.kinds import Kind
from lab.targets.kubernetes.reaching.addresses import Servers
from lab.targets.kubernetes.rollout.gate import Gate
from tests.unit.targets.kubernetes.samples import deployment, pod

if TYPE_CHECKING:
    from lab.targets.kubernetes.client.cluster import Cluster

OUTSIDE = Endpoints(redis_url="redis://h:6379/0", prometheus_url="http://h:9090", access=Access())
CRASHING = {"waiting": {"reason": "CrashLoopBackOff"}}


class Kept:
    """A cluster with some pods and their logs.

    Args:
        pods: As the API has them.
        logs: Of the runs of the service's container, in their order.
        first: Of the runs of the init container.
        waits: Whether containers wait to be started again: the log of the last run is given as the current one, too.
        refused: Whether logs may not be read.
    """

    namespace = "testbed"

    def __init__(
        self,
        *pods: Mapping[str, Any],
        logs: Sequence[str] = (),
        first: Sequence[str] = (),
        waits: bool = False,
        refused: bool = False,
    ) -> None:
        self._pods, self._refused, self._waits = pods, refused, waits
        self._logs: dict[str, Sequence[str]] = {"": logs, "bootstrap": first}

    def list(self, kind: Kind, *, selector: str = "") -> Sequence[Mapping[str, Any]]:
        """Return one Deployment, or the pods."""
        return {"Deployment": [deployment()], "Pod": self._pods}.get(kind.name, [])

    def serve(self, log: str) -> None:
        """Have the service print something."""
        self._logs[""] = (log,)

    def find(self, _kind: Kind, name: str) -> Mapping[str, Any] | None:
        """Return a pod."""
        return next((pod for pod in self._pods if pod["metadata"]["name"] == name), None)

    def log(self, name: str, container: str = "", *, previous: bool = False, lines: int | None = None) -> str:
        """Return the log of the current run of a container, or of the previous run."""
        logs = self._logs[container]
        if self._refused:
            raise Forbidden(f"cannot read the log of {name}")
        if previous and logs and not logs[:-1] and not self._waits:
            raise Unavailable(f"cannot read the log of {name}")
        chosen = logs[-2:-1] if previous and not self._waits else logs[-1:]
        return "".join("".join(chosen).splitlines(keepends=True)[-(lines or 0) :])

    def log_since(self, _name: str, since: str, _lines: int, *, container: str = "") -> str:
        """Return the lines of the newest log since a time, that of the time included; each begins with its time."""
        printed = "".join(self._logs[container][-1:]).splitlines(keepends=True)
        return "".join(line for line in printed if line.split()[0] >= since)


class PodsOnly:
    """Stands in for `Forward`: pods are reached, services are not."""

    def __init__(self, options: Sequence[str], resource: str, port: int, *, log: Path) -> None:
        self._resource = resource

    def wait(self) -> str:
        """See `Forward.wait`."""
        if self._resource.startswith("service/"):
            raise Unavailable(f"cannot reach {self._resource}")
        return "127.0.0.1:1"

    def close(self) -> None:
        """See `Forward.close`."""


@pytest.fixture(autouse=True)
def without_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let every process that is asked be well."""

    def statuses_of(addresses: Mapping[str, str], _connect: object) -> list[ServiceStatus]:
        return [ServiceStatus(name, address, healthy=True, instance_id=name) for name, address in addresses.items()]

    monkeypatch.setattr(service_status, "statuses_of", statuses_of)


@contextmanager
def stack(cluster: Kept, *, has_metrics: bool = False) -> Iterator[ClusterDeployment]:
    """Yield the stack on that cluster."""
    gate = Gate(cluster, "", lambda *_: None, 1.0)
    options = ["--context", "my cluster"]
    servers = Servers(OUTSIDE, metrics_inside=has_metrics)
    deployment = ClusterDeployment(
        cast("Cluster", cluster), gate, options, servers=servers, folder=Path("stack"), opener=PodsOnly
    )
    with closing(deployment):
        yield deployment


def test_a_pod_that_does_not_run_is_listed_beside_the_statuses() -> None:
    """It has no status of its own."""
    with stack(Kept(pod("b"), pod("a", state=CRASHING, ready=False))) as up:
        assert [(status.healthy, status.detail) for status in up.statuses()] == [(True, "pod b on r3")]
        assert [(status.name, status.healthy, status.detail) for status in up.everybody()] == [
            ("process-worker", True, "pod b on r3"),
            ("process-worker", False, "pod a on r3; CrashLoopBackOff"),
        ]


def test_a_terminating_pod_has_no_identity() -> None:
    """After an image was cured, the wrong one still drains."""
    terminating = pod("a")
    terminating["metadata"]["deletionTimestamp"] = "2026-11-25T02:00:00Z"
    with stack(Kept(pod("b"), terminating)) as up:
        assert [(process.name, process.node, process.architecture) for process in up.identities()] == [
            ("b", "r3", "arm64")
        ]


def test_a_service_without_pods_is_an_error_only_for_callers_that_need_it() -> None:
    """A caller that only reads gets the addresses of the rest."""
    with stack(Kept()) as up:
        assert (up.within_reach.query, up.within_reach.redis_url) == ("", OUTSIDE.redis_url)
        with pytest.raises(Unavailable, match=f"service/{SERVICES[0]}"):
            _ = up.endpoints


def test_logs_are_those_of_pods_that_the_cluster_has() -> None:
    """Names are listed without reading a log; a log that may not be read is an error."""
    refused = Kept(pod("b"), pod("a", state=CRASHING, ready=False), refused=True)
    with stack(refused) as up:
        assert list(up.programs()) == ["a", "b"]
        with pytest.raises(Forbidden):
            up.last_lines("a", 10)


def test_the_last_lines_reach_back_to_the_previous_run() -> None:
    """They include what a crash printed, where the current run has too few lines."""
    with stack(Kept(pod("a"), logs=["begin\ncrash", "again\nserving"])) as up:
        assert list(up.last_lines("a", 3)) == ["crash", "again", "serving"]
        assert list(up.last_lines("a", 1)) == ["serving"]


def test_a_record_keeps_what_can_be_read_of_a_log() -> None:
    """The log of the previous run may be gone."""
    restarted = pod("a")
    restarted["status"]["containerStatuses"][0]["restartCount"] = 2
    with stack(Kept(restarted, logs=["serving"])) as up:
        assert {name: file.read_text() for name, file in up.log_files().items()} == {"a": "serving"}
    with stack(Kept(restarted, logs=["crash\n", "serving"])) as up:
        assert [file.read_text() for file in up.log_files().values()] == ["crash\nserving"]


def with_init_container(name: str = "a", *, restarts: int = 0) -> dict[str, Any]:
    """Return a pod with an init container."""
    raw = pod(name)
    raw["spec"]["initContainers"] = [{"name": "bootstrap"}]
    raw["status"]["initContainerStatuses"] = [{"name": "bootstrap", "restartCount": restarts, "state": {}}]
    return raw


def test_an_init_container_has_a_log_of_its_own() -> None:
    """Beside that of the service, its previous run included."""
    cluster = Kept(with_init_container(restarts=1), logs=["serving"], first=["no store\n", "bootstrap: done"])
    with stack(cluster) as up:
        assert {name: file.read_text() for name, file in up.log_files().items()} == {
            "a": "serving",
            "a.bootstrap": "no store\nbootstrap: done",
        }


def test_the_init_container_stands_in_for_a_service_that_printed_nothing() -> None:
    """Once the service has printed something, only its lines are returned."""
    with stack(Kept(with_init_container(), first=["looking\n", "no store\nmaxmemory"])) as up:
        assert list(up.last_lines("a", 2)) == ["no store", "maxmemory"]
        assert list(up.last_lines("a", 5)) == ["looking", "no store", "maxmemory"]
    with stack(Kept(with_init_container(), logs=["", "serving"], first=["bootstrap: done"])) as up:
        assert list(up.last_lines("a", 5)) == ["serving"]


def test_following_a_pod_begins_with_its_init_container(monkeypatch: pytest.MonkeyPatch) -> None:
    """The service comes next; each line comes once."""
    cluster = Kept(with_init_container(), first=["1 looking\n2 done\n"])
    printed = iter(["3 serving\n"])
    following = partial(followed_pods, pause=lambda _: cluster.serve(next(printed)))
    monkeypatch.setattr(module, "followed_pods", following)
    with stack(cluster) as up:
        assert list(islice(up.follow(["a"], 10), 3)) == ["looking", "done", "serving"]


def test_the_log_of_a_container_that_waits_to_be_started_again_comes_once() -> None:
    """The cluster gives the log of the last run as the current and as the previous one."""
    with stack(Kept(with_init_container(restarts=3), first=["no store\n"], waits=True)) as up:
        assert up.log_files()["a.bootstrap"].read_text() == "no store\n"
        assert list(up.last_lines("a", 5)) == ["no store"]


def test_a_metrics_server_inside_is_reached_by_a_command() -> None:
    """A port of the lab ends with the lab."""
    with stack(Kept(), has_metrics=True) as up:
        assert up.metrics_command == "kubectl --context 'my cluster' port-forward deployment/prometheus 9090"
        assert up.servers.prometheus_url == "http://127.0.0.1:1"
    with stack(Kept()) as up:
        assert up.metrics_command == ""
        assert up.servers is OUTSIDE
