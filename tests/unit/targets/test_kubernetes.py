"""A target on a cluster: whether a stack is what is wanted, who answers, what arrives, what is explained."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, cast

import pytest

from lab.errors import LabError, Unavailable
from lab.model import Access, Endpoints, ServiceStatus
from lab.settings import LabSettings
from lab.targets.kubernetes.client.cluster import Applied, Where
from lab.targets.kubernetes.credentials.credentials import provide_credentials
from lab.targets.kubernetes.objects import MANAGER, PART_OF, KubeObject
from lab.targets.kubernetes.rollout.rows import PodView
from lab.targets.kubernetes.target import KubernetesTarget, answered
from lab.targets.port import StackRequest
from services.contracts.signals import PROMISED
from tests.unit.targets.api_server import ApiServer
from tests.unit.targets.test_identity import POD
from tests.unit.targets.test_objects import OURS, STACK, Kept, cluster
from tests.unit.targets.test_preview import NAMESPACE, SECRET, Server, config_map, objects
from tests.unit.targets.test_rollout import deployment, pod

if TYPE_CHECKING:
    from lab.targets.kubernetes.client.cluster import Cluster
    from lab.targets.kubernetes.deployment import ClusterDeployment

Object = dict[str, Any]
FAULT = Unavailable("the load ended early")
WORKED: Final = PROMISED["process-worker"].prometheus_name


def target(
    settings: LabSettings, explain: Callable[[KubernetesTarget, LabError], LabError] = lambda _, error: error
) -> KubernetesTarget:
    """A target without images."""
    return KubernetesTarget(settings, {}, holds=lambda *_: False, heard=lambda _: frozenset(), explain=explain)


def test_credentials_belong_to_a_namespace_of_one_cluster(tmp_path: Path) -> None:
    """Whichever file and context name it, and not to the next cluster that the same file is switched to."""
    here, there = ApiServer(address="https://192.0.2.2:6443"), ApiServer(address="https://192.0.2.3:6443")
    file = here.kubeconfig(tmp_path)
    first = LabSettings(state_dir=tmp_path, kubeconfig=file)
    folder = target(first).folder
    assert target(replace_in(first, context="here")).folder == folder
    assert target(replace_in(first, context="there")).folder != folder
    assert target(replace_in(first, namespace="other")).folder != folder
    there.kubeconfig(tmp_path)
    assert target(first).folder != folder


def replace_in(settings: LabSettings, **changes: object) -> LabSettings:
    """Settings with some of them changed."""
    return settings.model_copy(update=changes)


def deployment_of(replicas: int) -> Object:
    """The same images and configuration, so many pods."""
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "worker"},
        "spec": {"replicas": replicas, "template": {"spec": {"containers": [{"name": "service", "image": "x"}]}}},
    }


@pytest.mark.parametrize(
    ("wanted", "differs"),
    [
        ([deployment_of(1), SECRET, config_map("a")], ""),
        ([deployment_of(2), SECRET, config_map("a")], "change Deployment worker"),
        ([deployment_of(1), SECRET, config_map("a", "other\n")], "change ConfigMap a"),
        ([deployment_of(1), SECRET], "remove ConfigMap a"),
        ([deployment_of(1), SECRET, config_map("a"), config_map("b")], "create ConfigMap b"),
    ],
    ids=["same", "replicas", "content", "one-less", "one-more"],
)
def test_a_stack_fits_where_applying_would_change_nothing(wanted: list[Object], differs: str, tmp_path: Path) -> None:
    """By the API server's word, whatever it is that differs; it is told."""
    up = cast("Cluster", Server(NAMESPACE, deployment_of(1), SECRET, config_map("a")))
    assert target(LabSettings(state_dir=tmp_path))._differences(up, objects(NAMESPACE, *wanted)) == differs


class Answering:
    """A stack of two pods, the second of which says nothing for so many times."""

    def __init__(self, silent: int) -> None:
        self._silent = silent

    def processes(self) -> Sequence[tuple[PodView, ServiceStatus]]:
        """See `ClusterDeployment.processes`."""
        self._silent -= 1
        one = ServiceStatus("process-worker", "127.0.0.1:1", healthy=True, instance_id="i", host_architecture="aarch64")
        other = ServiceStatus("process-worker", "127.0.0.1:2", healthy=False, detail="DEADLINE_EXCEEDED: late")
        return [(POD, one), (replace(POD, name="worker-2"), other if self._silent >= 0 else one)]


def said_by(silent: int) -> dict[str, str]:
    """Pod → what its process is, on a clock that goes ten seconds a look."""
    stack, clock = cast("ClusterDeployment", Answering(silent)), count(0.0, 10.0)
    return {pod.name: one.host_architecture for pod, one in answered(stack, clock=lambda: next(clock), pause_s=0)}


def test_who_does_not_answer_at_once_is_asked_again() -> None:
    """An emulated process is slow to begin with."""
    assert said_by(2) == {"worker-1": "aarch64", "worker-2": "aarch64"}


def test_who_never_answers_is_named() -> None:
    """Nobody knows what it is, so nothing agrees."""
    with pytest.raises(Unavailable, match="worker-2 is ready, and does not say what it is") as error:
        said_by(99)
    assert error.value.reason == "E_NO_ANSWER"
    assert "DEADLINE_EXCEEDED" in error.value.found


def raised_by(explain: Callable[[KubernetesTarget, LabError], LabError], folder: Path) -> LabError:
    """What comes out of a run in which that fault happens."""
    with pytest.raises(Unavailable) as error, target(LabSettings(state_dir=folder), explain)._explaining():
        raise FAULT
    return error.value


def test_a_fault_is_explained_and_stays_the_cause(tmp_path: Path) -> None:
    """One that nothing explains is raised as it was, and not by itself."""
    told = Unavailable("the load ended early", found="the simulator crashed")
    assert raised_by(lambda _, __: told, tmp_path) is told
    assert told.__cause__ is FAULT
    assert raised_by(lambda _, error: error, tmp_path) is FAULT
    assert FAULT.__cause__ is None


class Silent:
    """A stack of two workers, the second of which the metrics server hears of after so many looks."""

    outside = Endpoints("", "", "", "", "", "http://h:9090", access=Access())

    def __init__(self, looks: int) -> None:
        self._looks = looks

    def heard(self, asked: Endpoints) -> frozenset[tuple[str, str]]:
        """What the metrics server of this stack has; see `KubernetesTarget.heard`."""
        assert asked is self.outside
        self._looks -= 1
        return frozenset({(WORKED, "i")} | ({(WORKED, "j"), (WORKED, "gone")} if self._looks < 0 else set()))


def waited_for(looks: int, settings: LabSettings | None = None) -> float:
    """Seconds until both are heard of, on a clock that goes ten seconds a look."""
    stack, clock = Silent(looks), count(0.0, 10.0)
    one = ServiceStatus("process-worker", "127.0.0.1:1", healthy=True, instance_id="i")
    processes = [(POD, one), (replace(POD, name="worker-2"), replace(one, instance_id="j"))]
    on = replace(target(settings or LabSettings()), heard=stack.heard)
    return on._await_metrics(cast("ClusterDeployment", stack), processes, clock=lambda: next(clock), pause_s=0.0)


def test_metrics_that_arrive_late_are_waited_for() -> None:
    """By the clock; what is there at once takes no wait."""
    assert waited_for(0) == pytest.approx(10.0)
    assert waited_for(5) == pytest.approx(60.0)


def test_metrics_that_never_arrive_are_told_by_pod_name_and_place() -> None:
    """Of the process that is silent, not of its neighbour."""
    with pytest.raises(Unavailable, match="worker-2 runs, and its metrics do not arrive") as error:
        waited_for(99)
    assert error.value.reason == "E_NO_METRICS"
    assert error.value.found == f"no sample of {WORKED} in 75 s at http://h:9090; 1 of 2 processes are silent"
    assert error.value.next_step == "lab diagnose"


def test_who_is_silent_where_the_collector_is_scraped_is_told_what_a_scrape_needs() -> None:
    """Without it Prometheus renames the labels by which processes are known; inside, nobody scrapes the collector."""
    scraped, inside = {"remote_write_url": "none", "prometheus_url": "http://h:9090"}, {"remote_write_url": "none"}
    for settings, told in ((scraped, True), ({"prometheus_url": "http://h:9090"}, False), (inside, False)):
        with pytest.raises(Unavailable) as error:
            waited_for(99, LabSettings.model_validate({**settings, "prometheus_image": "h/prometheus@sha256:0"}))
        assert ("honor_labels: true (manifests/README.md)" in error.value.found) is told
        assert len(str(error.value).splitlines()) <= 5


class Failing(Server):
    """A cluster of the lab's that stops to answer once Deployments are applied.

    Attributes:
        where: Its names.
        done: What was done to it, in order.
    """

    where = Where("https://h:6443", "eve", "here", "testbed")

    def __init__(self, done: list[str], *there: Object) -> None:
        ours = {**NAMESPACE, "metadata": {"name": "testbed", "labels": {PART_OF: MANAGER}}}
        super().__init__(ours, {"kind": "Pod", **pod()}, *there)
        self.done = done

    def apply(self, wanted: Object, *, force: bool = False) -> Applied:
        """See `Cluster.apply`."""
        kind, name = wanted["kind"], wanted["metadata"]["name"]
        self._there[kind, name] = wanted
        self.done.append(f"apply {kind}")
        if kind == "Deployment":
            raise Unavailable("cannot reach the cluster")
        return Applied(kind, name, "created")

    def log(self, *_: object, **__: object) -> str:
        """See `Cluster.log`."""
        return "serving"

    def delete(self, _api_version: str, kind: str, name: str) -> bool:
        """See `Cluster.delete`; pods go with what made them."""
        self.done.append(f"delete {kind}")
        if kind == "Deployment":
            self._there = {key: one for key, one in self._there.items() if key[0] != "Pod"}
        return self._there.pop((kind, name), None) is not None


def done_by(monkeypatch: pytest.MonkeyPatch, folder: Path, *, up: bool = False, keep: bool = False) -> list[str]:
    """What happens, in order, where a stack cannot be brought up."""
    wanted, done = [config_map("a"), {"apiVersion": "apps/v1", "kind": "Deployment", **deployment()}], list[str]()
    cluster = Failing(done, *(wanted if up else ()))

    def explain(_: KubernetesTarget, error: LabError) -> LabError:
        done.append(f"explain {error.attempted}")
        return Unavailable("explained")

    def rendered(there: KubernetesTarget, _request: StackRequest, *, nodes: Sequence[str]) -> list[KubeObject]:
        provide_credentials(there.folder, nodes, now=datetime.now(UTC))
        return objects(*wanted)

    monkeypatch.setattr(KubernetesTarget, "cluster", lambda _: cluster)
    monkeypatch.setattr(KubernetesTarget, "objects", rendered)
    request = StackRequest(keep=keep, keep_logs=lambda logs: done.append(f"logs of {', '.join(logs)}"))
    deployed = target(LabSettings(state_dir=folder), explain).deployed(request, lambda *_: None)
    with pytest.raises(Unavailable, match="explained"), deployed:
        pytest.fail("it is not up")
    return done


FAILED: Final = ["apply ConfigMap", "apply Deployment", "logs of worker-1", "explain cannot reach the cluster"]
REMOVED: Final = [f"delete {kind}" for kind in ("Deployment", "Secret", "Secret", "Secret", "Secret", "ConfigMap")]


@pytest.mark.parametrize(
    ("before", "removed"),
    [({}, REMOVED), ({"keep": True}, []), ({"up": True}, []), ({"up": True, "keep": True}, [])],
    ids=["for-a-run", "to-be-kept", "was-up", "was-up-to-be-kept"],
)
def test_a_stack_that_does_not_come_up_is_looked_into_before_it_goes(
    before: dict[str, bool], removed: list[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Logs and the one explanation come first; what was up before, or is to be kept, stays."""
    assert done_by(monkeypatch, tmp_path, **before) == FAILED + removed


def test_a_namespace_that_stays_is_said_with_what_keeps_it(tmp_path: Path) -> None:
    """And by whoever takes a stack down after a run, too; one that goes is no news."""
    told: list[tuple[str, str]] = []
    shared = Kept(STACK, theirs={("ConfigMap", name): {} for name in "abcd"}, labels=OURS)
    taken = target(LabSettings(state_dir=tmp_path))

    def tell(what: str, happened: str, _seconds: float) -> None:
        told.append((what, happened))

    assert taken._remove(cluster(shared), tell) == (True, ())
    words = "testbed stays: ConfigMap/a, ConfigMap/b, ConfigMap/c and 1 more in it did not come from the lab"
    assert told == [("namespace", words)]
    assert taken._remove(cluster(Kept(STACK, labels=OURS)), tell) == (True, ())
    assert taken._remove(cluster(Kept()), tell) == (False, ())
    assert len(told) == 1


def test_a_stack_that_does_not_go_is_not_said_to_be_gone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """What is left is named, and who knows why."""
    monkeypatch.setattr(KubernetesTarget, "cluster", lambda _: cluster(Kept(STACK, labels=OURS)))
    monkeypatch.setattr("lab.targets.kubernetes.target.await_gone", lambda *_: ["Pod/a", "Namespace/testbed"])
    with pytest.raises(Unavailable, match="the stack is removed, and some of it does not go") as error:
        target(LabSettings(state_dir=tmp_path)).down(lambda *_: None)
    assert error.value.found == "Pod/a, Namespace/testbed in namespace testbed, after 300 s"
    assert error.value.next_step == "lab diagnose --namespace testbed"
