"""What is believed of a cluster is what its server says now, and its errors are told as they are."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from lab.errors import BadConfig, Forbidden, Unavailable
from lab.targets.kubernetes.client.cluster import Cluster, open_cluster, server_of
from lab.targets.kubernetes.reaching.signalling import refused
from tests.unit.targets.api_server import PODS, ApiServer, serving

STEP = "lab rbac print --namespace testbed --user 'o:eve smith' | kubectl apply -f -      (as an administrator)"


@pytest.fixture
def server() -> Iterator[ApiServer]:
    """An API server."""
    with serving(ApiServer()) as made:
        yield made


def opened(server: ApiServer, folder: Path) -> Cluster:
    """The cluster as a user sees it who was given that file."""
    return open_cluster(server.kubeconfig(folder), context="", namespace="testbed")


def test_a_server_is_asked_every_time(server: ApiServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is kept where another user could put something in its place; only what is needed is asked for."""
    shared = tmp_path / "tmp"
    shared.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(shared))
    for _ in range(2):
        server.asked.clear()
        cluster = opened(server, tmp_path)
        assert [one["metadata"]["name"] for one in cluster.list("v1", "Pod")] == ["a"]
        assert server.asked == ["/version", "/apis", "/api/v1", PODS]
    assert list(shared.iterdir()) == []


def test_a_version_is_what_the_server_says_now(server: ApiServer, tmp_path: Path) -> None:
    """It may have been upgraded since, or be gone."""
    cluster = opened(server, tmp_path)
    server.version = "v1.35.0"
    assert cluster.version() == "v1.35.0"
    server.refuses["/version"] = 503
    with pytest.raises(Unavailable, match="cannot reach the cluster"):
        cluster.version()


def test_nobody_answers_where_a_server_was(server: ApiServer, tmp_path: Path) -> None:
    """Whatever it had said before."""
    opened(server, tmp_path)
    with serving(ApiServer()) as gone:
        pass
    with pytest.raises(Unavailable) as error:
        opened(gone, tmp_path)
    assert error.value.reason == "E_UNREACHABLE"


def test_whom_a_server_does_not_know_logs_in_again(server: ApiServer, tmp_path: Path) -> None:
    """At the first contact as later."""
    server.refuses["/version"] = 401
    with pytest.raises(Forbidden, match="log in again"):
        opened(server, tmp_path)


def test_what_is_no_api_server_is_not_one(server: ApiServer, tmp_path: Path) -> None:
    """It answers all the same."""
    server.refuses["/apis"] = 200
    with pytest.raises(Unavailable):
        opened(server, tmp_path)


def test_who_may_not_is_told_whom_to_give_what(server: ApiServer, tmp_path: Path) -> None:
    """As the server calls them, where it matters; for pods/exec, which kubectl asks for, as well."""
    server.refuses[PODS] = 403
    with pytest.raises(Forbidden) as error:
        opened(server, tmp_path).list("v1", "Pod")
    assert error.value.next_step == STEP
    said = 'Error from server (Forbidden): pods "a" is forbidden: User "o:eve smith" cannot create pods/exec'
    assert refused("cannot kill it", said, "testbed").next_step == STEP


def test_a_kind_that_the_server_does_not_have_is_told(server: ApiServer, tmp_path: Path) -> None:
    """After what there is was asked for again."""
    with pytest.raises(BadConfig, match="knows no Podd"):
        opened(server, tmp_path).list("v1", "Podd")


@pytest.mark.parametrize(("status", "kind"), [(403, Forbidden), (500, Unavailable)], ids=["refused", "broken"])
def test_a_log_that_cannot_be_read_is_no_empty_log(
    status: int, kind: type[Exception], server: ApiServer, tmp_path: Path
) -> None:
    """A container that has not run yet has one."""
    cluster = opened(server, tmp_path)
    server.refuses[f"{PODS}/a/log"] = status
    with pytest.raises(kind, match="cannot read the log of a"):
        cluster.log_since("a", "", 10)
    for none in (400, 404):
        server.refuses[f"{PODS}/a/log"] = none
        assert cluster.log("a") == ""


def test_a_kubeconfig_says_which_cluster_without_asking(server: ApiServer, tmp_path: Path) -> None:
    """The address as the lab shows it; none where there is no such file or context."""
    file = server.kubeconfig(tmp_path)
    assert server_of(file, context="") == opened(server, tmp_path).where.server == server.address
    assert server_of(file, context="there") == "https://192.0.2.1:6443"
    assert server_of(file, context="nowhere") == ""
    assert server_of(tmp_path / "nothing", context="") == ""
