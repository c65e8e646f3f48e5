"""A stack on a cluster, part of which does not run; nothing is reached."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING, Any, cast

import pytest

from lab.errors import Forbidden, Unavailable
from lab.model import Access, Endpoints, ServiceStatus
from lab.rpc import service_status
from lab.systems.services import SERVICES
from lab.targets.follow import followed_pods
from lab.targets.kubernetes import deployment as module
from lab.targets.kubernetes.deployment import ClusterDeployment
from lab.targets.kubernetes.reaching import reach
from lab.targets.kubernetes.rollout.gate import Gate
from tests.unit.targets.test_rollout import deployment, pod

if TYPE_CHECKING:
    from lab.targets.kubernetes.client.cluster import Cluster

OUTSIDE = Endpoints("", "", "", "", "redis://h:6379/0", "http://h:9090", access=Access())
CRASHING = {"waiting": {"reason": "CrashLoopBackOff"}}


class Kept:
    """A cluster with these pods, whose logs are in the order of their containers; satisfies what is asked here.

    What ran before the service has logs of its own, `first`. One that `waits` has none: the last one's is given.
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

    def list(self, _api_version: str, kind: str, *, selector: str = "") -> Sequence[Mapping[str, Any]]:
        """One Deployment, and the pods."""
        return {"Deployment": [deployment()], "Pod": self._pods}.get(kind, [])

    def serve(self, log: str) -> None:
        """The service prints something."""
        self._logs[""] = (log,)

    def find(self, _api_version: str, _kind: str, name: str) -> Mapping[str, Any] | None:
        """A pod."""
        return next((one for one in self._pods if one["metadata"]["name"] == name), None)

    def log(self, name: str, container: str = "", *, previous: bool = False, lines: int | None = None) -> str:
        """Of the container that runs, or of the one before."""
        logs = self._logs[container]
        if self._refused:
            raise Forbidden(f"cannot read the log of {name}")
        if previous and logs and not logs[:-1] and not self._waits:
            raise Unavailable(f"cannot read the log of {name}")
        found = logs[-2:-1] if previous and not self._waits else logs[-1:]
        return "".join("".join(found).splitlines(keepends=True)[-(lines or 0) :])

    def log_since(self, _name: str, since: str, _lines: int, *, container: str = "") -> str:
        """Its newest log, where each line begins with its time; the last one heard is given once more."""
        said = "".join(self._logs[container][-1:]).splitlines(keepends=True)
        return "".join(line for line in said if line.split()[0] >= since)


class Nowhere:
    """A port of a pod is there, one of a service is not."""

    def __init__(self, _options: Sequence[str], what: str, _port: int, **_more: object) -> None:
        self._what = what

    def wait(self) -> str:
        """See `Forward.wait`."""
        if self._what.startswith("service/"):
            raise Unavailable(f"cannot reach {self._what}")
        return "127.0.0.1:1"

    def close(self) -> None:
        """See `Forward.close`."""


@pytest.fixture(autouse=True)
def nothing_is_reached(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every process that is asked is well."""

    def asked(addresses: Mapping[str, str], _connect: object) -> list[ServiceStatus]:
        return [ServiceStatus(name, address, healthy=True) for name, address in addresses.items()]

    monkeypatch.setattr(reach, "Forward", Nowhere)
    monkeypatch.setattr(service_status, "statuses_of", asked)


@contextmanager
def stack(cluster: Kept, *, has_metrics: bool = False) -> Iterator[ClusterDeployment]:
    """A deployment of it."""
    gate = Gate(cluster, "", lambda *_: None, 1.0)
    options = ["--context", "my cluster"]
    made = ClusterDeployment(cast("Cluster", cluster), gate, options, outside=OUTSIDE, has_metrics=has_metrics)
    with closing(made) as found:
        yield found


def test_a_pod_that_does_not_run_is_among_everybody() -> None:
    """It has nothing to say, and so it is in no status; a record's are of those that do."""
    with stack(Kept(pod("b"), pod("a", state=CRASHING, ready=False))) as found:
        assert [(one.healthy, one.detail) for one in found.statuses()] == [(True, "pod b on r3")]
        assert [(one.name, one.healthy, one.detail) for one in found.everybody()] == [
            ("process-worker", True, "pod b on r3"),
            ("process-worker", False, "pod a on r3; CrashLoopBackOff"),
        ]


def test_what_can_be_reached_is_told_where_a_service_has_no_pod() -> None:
    """Whoever measures is told of it, whoever looks sees the rest."""
    with stack(Kept()) as found:
        assert (found.within_reach.query, found.within_reach.redis_url) == ("", OUTSIDE.redis_url)
        with pytest.raises(Unavailable, match=f"service/{SERVICES[0]}"):
            _ = found.endpoints


def test_logs_are_those_of_pods_that_the_cluster_has() -> None:
    """Names without a line being fetched; what may not be read is said."""
    refused = Kept(pod("b"), pod("a", state=CRASHING, ready=False), refused=True)
    with stack(refused) as found:
        assert list(found.programs()) == ["a", "b"]
        with pytest.raises(Forbidden):
            found.last_lines("a", 10)


def test_the_last_lines_reach_back_to_the_container_before() -> None:
    """What a crash said is in it; enough lines of the newest are enough."""
    with stack(Kept(pod("a"), logs=["begin\ncrash", "again\nserving"])) as found:
        assert list(found.last_lines("a", 3)) == ["crash", "again", "serving"]
        assert list(found.last_lines("a", 1)) == ["serving"]


def test_a_record_keeps_what_can_be_read_of_a_log() -> None:
    """The container before may have left nothing that its node still gives."""
    restarted = pod("a")
    restarted["status"]["containerStatuses"][0]["restartCount"] = 2
    with stack(Kept(restarted, logs=["serving"])) as found:
        assert {name: file.read_text() for name, file in found.log_files().items()} == {"a": "serving"}
    with stack(Kept(restarted, logs=["crash\n", "serving"])) as found:
        assert [file.read_text() for file in found.log_files().values()] == ["crash\nserving"]


def beginning(name: str = "a", *, restarts: int = 0) -> dict[str, Any]:
    """A pod that something runs in before its service."""
    found = pod(name)
    found["spec"]["initContainers"] = [{"name": "bootstrap"}]
    found["status"]["initContainerStatuses"] = [{"name": "bootstrap", "restartCount": restarts, "state": {}}]
    return found


def test_what_runs_before_the_service_has_a_log_of_its_own() -> None:
    """Beside that of the service, with what it said before it was started again."""
    cluster = Kept(beginning(restarts=1), logs=["serving"], first=["no store\n", "bootstrap: done"])
    with stack(cluster) as found:
        assert {name: file.read_text() for name, file in found.log_files().items()} == {
            "a": "serving",
            "a.bootstrap": "no store\nbootstrap: done",
        }


def test_a_pod_that_cannot_begin_says_why() -> None:
    """Its service has printed nothing; one that has is not mixed with what ran before."""
    with stack(Kept(beginning(), first=["looking\n", "no store\nmaxmemory"])) as found:
        assert list(found.last_lines("a", 2)) == ["no store", "maxmemory"]
        assert list(found.last_lines("a", 5)) == ["looking", "no store", "maxmemory"]
    with stack(Kept(beginning(), logs=["", "serving"], first=["bootstrap: done"])) as found:
        assert list(found.last_lines("a", 5)) == ["serving"]


def test_whoever_follows_a_pod_hears_what_runs_before_its_service(monkeypatch: pytest.MonkeyPatch) -> None:
    """Then the service; each line once."""
    cluster = Kept(beginning(), first=["1 looking\n2 done\n"])
    printed = iter(["3 serving\n"])
    following = partial(followed_pods, pause=lambda _: cluster.serve(next(printed)))
    monkeypatch.setattr(module, "followed_pods", following)
    with stack(cluster) as found:
        assert list(islice(found.follow(["a"], 10), 3)) == ["looking", "done", "serving"]


def test_a_container_that_waits_to_be_started_again_is_heard_once() -> None:
    """The cluster gives the log of its last one, whether it is asked for that or for the one before."""
    with stack(Kept(beginning(restarts=3), first=["no store\n"], waits=True)) as found:
        assert found.log_files()["a.bootstrap"].read_text() == "no store\n"
        assert list(found.last_lines("a", 5)) == ["no store"]


def test_a_metrics_server_inside_is_reached_by_a_command() -> None:
    """The lab's own port ends with the lab."""
    with stack(Kept(), has_metrics=True) as found:
        assert found.metrics_command == "kubectl --context 'my cluster' port-forward deployment/prometheus 9090"
        assert found.outside.prometheus_url == "http://127.0.0.1:1"
    with stack(Kept()) as found:
        assert found.metrics_command == ""
        assert found.outside is OUTSIDE
