"""A cluster is what its API server says now, and errors of the server become errors of the lab."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from lab.errors import BadConfig, Forbidden, Unavailable
from lab.snapshots.kubernetes.kinds import POD, Kind
from lab.targets.kubernetes.client.cluster import Cluster
from lab.targets.kubernetes.client.kubeconfig import open_cluster, server_of
from tests.unit.targets.kubernetes.api_server import PODS, ApiServer, serving

STEP = "lab rbac print --namespace testbed --user 'o:eve smith' | kubectl apply -f -      (as an administrator)"


@pytest.fixture
def server() -> Iterator[ApiServer]:
    """Serve as an API server."""
    with serving(ApiServer()) as server:
        yield server


def opened(server: ApiServer, folder: Path) -> Cluster:
    """Return the cluster that the server's kubeconfig names."""
    return open_cluster(server.kubeconfig(folder), context="", namespace="testbed")


def test_a_server_is_asked_every_time(server: ApiServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No file that another user could replace keeps the answers; only what is needed is asked for."""
    shared = tmp_path / "tmp"
    shared.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(shared))
    for _ in range(2):
        server.requested.clear()
        cluster = opened(server, tmp_path)
        assert [pod["metadata"]["name"] for pod in cluster.list(POD)] == ["a"]
        assert server.requested == ["/version", "/apis", "/api/v1", PODS]
    assert list(shared.iterdir()) == []


def test_the_version_is_what_the_server_says_now(server: ApiServer, tmp_path: Path) -> None:
    """The server may have been upgraded since, or be gone."""
    cluster = opened(server, tmp_path)
    server.version = "v1.35.0"
    assert cluster.version() == "v1.35.0"
    server.refuses["/version"] = 503
    with pytest.raises(Unavailable, match="cannot reach the cluster"):
        cluster.version()


def test_a_server_that_is_gone_is_unreachable(server: ApiServer, tmp_path: Path) -> None:
    """Whatever it answered before."""
    opened(server, tmp_path)
    with serving(ApiServer()) as gone:
        pass
    with pytest.raises(Unavailable) as error:
        opened(gone, tmp_path)
    assert error.value.reason == "E_UNREACHABLE"


def test_a_user_whom_the_server_does_not_know_logs_in_again(server: ApiServer, tmp_path: Path) -> None:
    """Already at the first request."""
    server.refuses["/version"] = 401
    with pytest.raises(Forbidden, match="log in again"):
        opened(server, tmp_path)


def test_a_server_that_is_no_api_server_is_unavailable(server: ApiServer, tmp_path: Path) -> None:
    """Though it answers."""
    server.refuses["/apis"] = 200
    with pytest.raises(Unavailable):
        opened(server, tmp_path)


def test_a_refused_user_is_told_the_command_that_grants_the_right(server: ApiServer, tmp_path: Path) -> None:
    """With the user's name as the server knows it."""
    server.refuses[PODS] = 403
    with pytest.raises(Forbidden) as error:
        opened(server, tmp_path).list(POD)
    assert error.value.next_step == STEP


def test_a_kind_that_the_server_does_not_have_is_named(server: ApiServer, tmp_path: Path) -> None:
    """Once the kinds were asked for again; the next step shows the kinds that it has."""
    with pytest.raises(BadConfig, match="knows no Podd") as error:
        opened(server, tmp_path).list(Kind("v1", "Podd"))
    assert error.value.next_step.endswith("kubectl api-resources | grep Podd")


@pytest.mark.parametrize(("status", "kind"), [(403, Forbidden), (500, Unavailable)], ids=["refused", "broken"])
def test_a_log_that_cannot_be_read_is_no_empty_log(
    status: int, kind: type[Exception], server: ApiServer, tmp_path: Path
) -> None:
    """Only a container that has not run yet, or a pod that is gone, has an empty log."""
    cluster = opened(server, tmp_path)
    server.refuses[f"{PODS}/a/log"] = status
    with pytest.raises(kind, match="cannot read the log of a"):
        cluster.log_since("a", "", 10)
    for has_no_log in (400, 404):
        server.refuses[f"{PODS}/a/log"] = has_no_log
        assert cluster.log("a") == ""


def test_a_kubeconfig_names_the_server_without_a_request(server: ApiServer, tmp_path: Path) -> None:
    """By the address that the lab shows; empty where there is no such file or context."""
    file = server.kubeconfig(tmp_path)
    assert server_of(file, context="") == opened(server, tmp_path).where.server == server.address
    assert server_of(file, context="there") == "https://192.0.2.1:6443"
    assert server_of(file, context="nowhere") == ""
    assert server_of(tmp_path / "nothing", context="") == ""
