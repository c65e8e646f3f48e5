"""A whole snapshot of a cluster, by a stack and dependencies that answer, refuse, or are not there."""

from collections.abc import Callable
from pathlib import Path

import pytest

from lab.diagnosis.diagnose import diagnose
from lab.errors import BadConfig, Forbidden, LabError, Unavailable
from lab.model import Endpoints
from lab.probes.cluster_snapshot import BUILD_LOG_S, ClusterSnapshots
from lab.settings import LabSettings
from lab.snapshots.answers import PrometheusProbe
from lab.snapshots.gaps import Denial, Unanswered
from lab.snapshots.snapshot import Snapshot
from tests.fakes.dependencies import FakeDependencies
from tests.fakes.probed import FakeCluster, FakeRunningStack, FakeStacks, forbidden, stacks_of

EVENTS = Denial("list", "events", "testbed", "", "lab-user")
URL = "http://h:9090"
OUTSIDE = {"": PrometheusProbe(URL, reachable=True, receives=True)}
AROUND = FakeDependencies(metrics_servers=OUTSIDE)
NO_LEDGER = Unanswered("ledger", "cannot reach query-api")
"""The stacks of these tests have no query-api."""


def refused(verb: str = "list", resource: str = "events") -> Forbidden:
    """Return the error of an API server that refuses something."""
    return Forbidden(f"cannot {verb} {resource}", found=forbidden(verb, resource))


def running(**faults: LabError) -> FakeStacks:
    """Return a stack some parts of which cannot be asked."""
    return stacks_of(FakeRunningStack(FakeCluster(), faults))


def taken(stacks: FakeStacks, around: FakeDependencies, folder: Path) -> Snapshot:
    """Return the snapshot."""
    settings = LabSettings(state_dir=folder, namespace="testbed")
    return ClusterSnapshots(settings, stacks=stacks, dependencies=around).take()


@pytest.mark.parametrize("part", ["processes", "clocks", "collector"])
def test_what_is_refused_for_one_part_ends_no_other(part: str, tmp_path: Path) -> None:
    """The refusal is kept as a denial, and told."""
    snapshot = taken(running(**{part: refused()}), AROUND, tmp_path)
    assert snapshot.probes.denials == (EVENTS,)
    assert [(finding.cause, finding.object) for finding in diagnose(snapshot)] == [("forbidden", "User/lab-user")]
    assert (snapshot.probes.collector is None, len(snapshot.probes.clocks)) == (
        part == "collector",
        int(part != "clocks"),
    )
    assert snapshot.probes.prometheus is not None
    assert snapshot.probes.prometheus.samples == ()


def test_a_refusal_is_kept_once(tmp_path: Path) -> None:
    """Events are listed for the snapshot itself, and for every part of a stack."""
    every = {name: refused() for name in ("processes", "clocks", "collector")}
    stack = FakeRunningStack(FakeCluster(refused={"Event": "events"}), every)
    snapshot = taken(stacks_of(stack), AROUND, tmp_path)
    assert snapshot.probes.denials == (EVENTS,)


def test_a_stack_that_cannot_be_asked_for_tells_what_was_refused(tmp_path: Path) -> None:
    """Nobody was asked for samples then, which is not silence."""
    denied = Denial("list", "deployments", "testbed", "", "lab-user")
    stacks = stacks_of(FakeRunningStack(FakeCluster()), fault=refused("list", "deployments"))
    snapshot = taken(stacks, AROUND, tmp_path)
    assert snapshot.probes.denials == (denied,)
    assert snapshot.probes.prometheus is not None
    assert snapshot.probes.prometheus.samples is None


def failing(error: LabError) -> Callable[[], dict[str, float]]:
    """Return an answer that does not come."""

    def answer() -> dict[str, float]:
        raise error

    return answer


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (Unavailable("no data: x", found=f"{URL}: 401 Unauthorized", code="PROM_REFUSED"), "401 Unauthorized"),
        (BadConfig("cannot read /run/token", found="No such file or directory"), "No such file"),
    ],
)
def test_a_metrics_server_that_gives_no_samples_was_not_asked(error: LabError, words: str, tmp_path: Path) -> None:
    """The reason is kept."""
    around = FakeDependencies(metrics_servers=OUTSIDE, answer=failing(error))
    probe = taken(running(), around, tmp_path).probes.prometheus
    assert probe is not None
    assert (probe.reachable, probe.samples) == (True, None)
    assert words in probe.error


def test_a_metrics_server_inside_the_cluster_is_told_by_its_name_there(tmp_path: Path) -> None:
    """Where the port-forward fails nobody knows whether it answers."""
    name = "http://prometheus.testbed.svc:9090"
    inside = taken(running(), FakeDependencies(), tmp_path).probes.prometheus
    assert inside == PrometheusProbe(name, reachable=True, samples=(), inside=True)
    gone = FakeDependencies(answer=failing(Unavailable("no data", found="refused", code="PROM_UNREACHABLE")))
    unknown = taken(running(), gone, tmp_path).probes.prometheus
    assert unknown == PrometheusProbe(name, reachable=None, error="refused", inside=True)
    nowhere = FakeRunningStack(FakeCluster(), servers=Endpoints())
    assert taken(stacks_of(nowhere), FakeDependencies(), tmp_path).probes.prometheus is None


@pytest.mark.parametrize("part", ["processes", "clocks", "collector"])
def test_what_fails_in_one_part_is_kept_and_ends_no_other(part: str, tmp_path: Path) -> None:
    """No right is missing, and no finding would tell of it."""
    broken = Unavailable(f"cannot ask for {part}", found="timed out")
    snapshot = taken(running(**{part: broken}), AROUND, tmp_path)
    assert snapshot.probes.denials == ()
    assert snapshot.probes.unanswered == (Unanswered(part, f"cannot ask for {part}: timed out"), NO_LEDGER)
    answered = {
        "processes": bool(snapshot.probes.processes),
        "clocks": bool(snapshot.probes.clocks),
        "collector": snapshot.probes.collector is not None,
    }
    assert answered == {name: name != part for name in answered}


def test_an_image_lock_that_cannot_be_read_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody then knows which workloads are the lab's."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "images.lock").write_text("{")
    snapshot = taken(running(), AROUND, tmp_path)
    assert [missing.part for missing in snapshot.probes.unanswered] == ["images.lock", "ledger"]
    assert str(tmp_path / "images.lock") in snapshot.probes.unanswered[0].error


def test_a_stack_is_closed_whatever_its_parts_do(tmp_path: Path) -> None:
    """Its port-forwards would stay."""
    stack = FakeRunningStack(FakeCluster(), {"processes": Unavailable("cannot ask"), "clocks": refused()})
    taken(stacks_of(stack), AROUND, tmp_path)
    assert stack.closings == 1


def test_before_a_deployment_the_cluster_of_the_stacks_is_asked(tmp_path: Path) -> None:
    """For its version, its nodes and its namespace, and for nothing that runs in it."""
    node = {"metadata": {"name": "r3"}, "spec": {}, "status": {"nodeInfo": {"architecture": "arm64"}}}
    stack = FakeRunningStack(FakeCluster({"Node": [node]}, denied=frozenset({("create", "pods/exec")})))
    settings = LabSettings(state_dir=tmp_path, namespace="testbed")
    snapshot = ClusterSnapshots(settings, stacks=stacks_of(stack), dependencies=AROUND).take("before")
    assert snapshot.cluster is not None
    assert (snapshot.cluster.version, snapshot.cluster.login) == ("v1.34.4", "lab-user")
    assert [denial.resource for denial in snapshot.cluster.lacking_for_faults] == ["pods/exec"]
    assert [node.name for node in snapshot.nodes] == ["r3"]
    assert snapshot.objects.namespace["metadata"]["name"] == "testbed"


def test_a_cluster_that_is_away_before_a_deployment_is_told_with_its_reason(tmp_path: Path) -> None:
    """What is outside of it is asked all the same."""
    settings = LabSettings(state_dir=tmp_path, namespace="testbed")
    away = FakeStacks(FakeCluster(is_away=True))
    snapshot = ClusterSnapshots(settings, stacks=away, dependencies=AROUND).take("before")
    assert snapshot.cluster is not None
    assert (snapshot.cluster.reason, snapshot.nodes) == ("E_UNREACHABLE", ())
    assert "cannot reach the cluster" in snapshot.cluster.error
    assert snapshot.probes.prometheus == OUTSIDE[""]


@pytest.mark.parametrize(("age_s", "told"), [(BUILD_LOG_S - 1.0, ("no space left",)), (BUILD_LOG_S + 1.0, ())])
def test_the_last_build_of_images_is_told_while_it_is_recent(
    age_s: float, told: tuple[str, ...], tmp_path: Path
) -> None:
    """An older build tells nothing about what is wrong now."""
    log = tmp_path / "images" / "build.log"
    log.parent.mkdir()
    log.write_text("no space left\n")
    now_s = log.stat().st_mtime + age_s
    settings = LabSettings(state_dir=tmp_path, namespace="testbed")
    source = ClusterSnapshots(settings, stacks=running(), dependencies=AROUND, clock=lambda: now_s)
    snapshot = source.take()
    assert (snapshot.taken_at, snapshot.probes.build_log) == (now_s, told)
    assert source.take("before").taken_at == now_s
