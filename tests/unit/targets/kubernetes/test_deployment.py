"""A stack on a cluster, a part of which does not run."""

from collections.abc import Iterator
from itertools import islice
from typing import Any

import pytest

from lab.errors import Forbidden, Unavailable
from lab.systems.services import SERVICES
from tests.fakes.cluster import FakeClusterClient
from tests.unit.targets.kubernetes.samples import deployment, pod
from tests.unit.targets.kubernetes.stacks import NOBODY, OUTSIDE, stack
from tests.unit.targets.kubernetes.status_server import status_server

CRASHING = {"waiting": {"reason": "CrashLoopBackOff"}}


@pytest.fixture(scope="module")
def well() -> Iterator[str]:
    """Yield the address of a process that is well."""
    with status_server() as address:
        yield address


def running(*pods: dict[str, Any]) -> FakeClusterClient:
    """Return a cluster with a Deployment and some pods."""
    return FakeClusterClient(deployment(), *pods)


def test_a_pod_that_does_not_run_is_listed_beside_the_statuses(well: str) -> None:
    """It has no status of its own."""
    with stack(running(pod("b"), pod("a", state=CRASHING, ready=False)), pods_at=well) as up:
        assert [(status.healthy, status.detail) for status in up.statuses()] == [(True, "pod b on r3")]
        assert [(status.name, status.healthy, status.detail) for status in up.everybody()] == [
            ("process-worker", True, "pod b on r3"),
            ("process-worker", False, "pod a on r3; CrashLoopBackOff"),
        ]


def test_a_terminating_pod_has_no_identity(well: str) -> None:
    """After an image was cured, the wrong one still drains."""
    terminating = pod("a")
    terminating["metadata"]["deletionTimestamp"] = "2026-11-25T02:00:00Z"
    with stack(running(pod("b"), terminating), pods_at=well) as up:
        assert [(process.name, process.node, process.architecture) for process in up.identities()] == [
            ("b", "r3", "arm64")
        ]


def test_a_service_without_pods_is_an_error_only_for_callers_that_need_it() -> None:
    """A caller that only reads gets the addresses of the rest."""
    with stack(running()) as up:
        assert (up.within_reach.query, up.within_reach.redis_url) == ("", OUTSIDE.redis_url)
        with pytest.raises(Unavailable, match=f"service/{SERVICES[0]}"):
            _ = up.endpoints


def test_logs_are_those_of_pods_that_the_cluster_has() -> None:
    """Names are listed without reading a log; a log that may not be read is an error."""
    cluster = running(pod("b"), pod("a", state=CRASHING, ready=False))
    cluster.faults = {"log a": Forbidden("cannot read the log of a")}
    with stack(cluster) as up:
        assert list(up.programs()) == ["a", "b"]
        with pytest.raises(Forbidden):
            up.last_lines("a", 10)


def test_the_last_lines_reach_back_to_the_previous_run() -> None:
    """They include what a crash printed, where the current run has too few lines."""
    cluster = running(pod("a"))
    cluster.logs = {("a", ""): ["begin\ncrash", "again\nserving"]}
    with stack(cluster) as up:
        assert list(up.last_lines("a", 3)) == ["crash", "again", "serving"]
        assert list(up.last_lines("a", 1)) == ["serving"]


def test_a_record_keeps_what_can_be_read_of_a_log() -> None:
    """The log of the previous run may be gone."""
    restarted = pod("a")
    restarted["status"]["containerStatuses"][0]["restartCount"] = 2
    cluster = running(restarted)
    cluster.logs = {("a", ""): ["crash\n", "serving"]}
    cluster.faults = {"previous log a": Unavailable("cannot read the log of a")}
    with stack(cluster) as up:
        assert {name: file.read_text() for name, file in up.log_files().items()} == {"a": "serving"}
    cluster.faults = {}
    with stack(cluster) as up:
        assert [file.read_text() for file in up.log_files().values()] == ["crash\nserving"]


def with_init_container(name: str = "a", *, restarts: int = 0) -> dict[str, Any]:
    """Return a pod with an init container."""
    raw = pod(name)
    raw["spec"]["initContainers"] = [{"name": "bootstrap"}]
    raw["status"]["initContainerStatuses"] = [{"name": "bootstrap", "restartCount": restarts, "state": {}}]
    return raw


def test_an_init_container_has_a_log_of_its_own() -> None:
    """Beside that of the service, its previous run included."""
    cluster = running(with_init_container(restarts=1))
    cluster.logs = {("a", ""): ["serving"], ("a", "bootstrap"): ["no store\n", "bootstrap: done"]}
    with stack(cluster) as up:
        assert {name: file.read_text() for name, file in up.log_files().items()} == {
            "a": "serving",
            "a.bootstrap": "no store\nbootstrap: done",
        }


def test_the_init_container_stands_in_for_a_service_that_printed_nothing() -> None:
    """Once the service has printed something, only its lines are returned."""
    cluster = running(with_init_container())
    cluster.logs = {("a", "bootstrap"): ["looking\n", "no store\nmaxmemory"]}
    with stack(cluster) as up:
        assert list(up.last_lines("a", 2)) == ["no store", "maxmemory"]
        assert list(up.last_lines("a", 5)) == ["looking", "no store", "maxmemory"]
    cluster.logs = {("a", ""): ["", "serving"], ("a", "bootstrap"): ["bootstrap: done"]}
    with stack(cluster) as up:
        assert list(up.last_lines("a", 5)) == ["serving"]


def test_following_begins_with_the_lines_that_are_there() -> None:
    """With several pods, each line comes after the name of its pod."""
    cluster = running(with_init_container("a"), pod("b"))
    cluster.logs = {("a", "bootstrap"): ["1 looking\n2 done\n"], ("b", ""): ["1 serving\n"]}
    with stack(cluster) as up:
        assert list(islice(up.follow(["a"], 10), 2)) == ["looking", "done"]
        assert list(islice(up.follow(["a", "b"], 1), 2)) == ["a  done", "b  serving"]


def test_the_log_of_a_container_that_waits_to_be_started_again_comes_once() -> None:
    """The cluster gives the log of the last run as the current and as the previous one."""
    cluster = running(with_init_container(restarts=3))
    cluster.logs, cluster.waiting = {("a", "bootstrap"): ["no store\n"]}, {"a"}
    with stack(cluster) as up:
        assert up.log_files()["a.bootstrap"].read_text() == "no store\n"
        assert list(up.last_lines("a", 5)) == ["no store"]


def test_a_metrics_server_inside_is_reached_by_a_command() -> None:
    """A port of the lab ends with the lab."""
    with stack(running(), has_metrics=True) as up:
        command = "kubectl --namespace testbed --context 'my cluster' port-forward deployment/prometheus 9090"
        assert up.metrics_command == command
        assert up.servers.prometheus_url == f"http://{NOBODY}"
    with stack(running()) as up:
        assert up.metrics_command == ""
        assert up.servers is OUTSIDE
