"""A target on a cluster: whether a stack fits, which processes answer, what a failed start leaves, how a stack goes."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, cast

import pytest

from lab.errors import Unavailable
from lab.model import ServiceStatus
from lab.settings import LabSettings
from lab.targets.kubernetes.client.changing import Applied
from lab.targets.kubernetes.client.where import Where
from lab.targets.kubernetes.credentials.credentials import provide_credentials
from lab.targets.kubernetes.kinds import DEPLOYMENT, Kind
from lab.targets.kubernetes.objects import MANAGER, PART_OF, KubeObject
from lab.targets.kubernetes.rollout.identities import answered
from lab.targets.kubernetes.rollout.rows import PodView
from lab.targets.kubernetes.target import KubernetesTarget
from lab.targets.port import StackRequest
from tests.unit.targets.kubernetes.api_server import ApiServer
from tests.unit.targets.kubernetes.clusters import (
    NAMESPACE,
    OURS,
    SECRET,
    STACK,
    KeptObjects,
    ReplacingCluster,
    cluster,
    config_map,
    objects,
)
from tests.unit.targets.kubernetes.samples import POD, deployment, pod

if TYPE_CHECKING:
    from lab.targets.kubernetes.client.cluster import Cluster

Object = dict[str, Any]


def target(settings: LabSettings) -> KubernetesTarget:
    """Return a target with these settings."""
    return KubernetesTarget(settings)


def test_credentials_belong_to_a_namespace_of_one_cluster(tmp_path: Path) -> None:
    """By any file and context that name that cluster, and not to another cluster that the same file names later."""
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
    """Return the settings with some changes."""
    return settings.model_copy(update=changes)


def deployment_of(replicas: int) -> Object:
    """Return a Deployment with that number of pods."""
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
    """By the API server's word; the first differences are named."""
    up = cast("Cluster", ReplacingCluster(NAMESPACE, deployment_of(1), SECRET, config_map("a")))
    assert target(LabSettings(state_dir=tmp_path))._differences(up, objects(NAMESPACE, *wanted)) == differs


class Answering:
    """A stack of two pods, the second of which does not answer for a number of polls."""

    def __init__(self, silent: int) -> None:
        self._silent = silent

    def processes(self) -> Sequence[tuple[PodView, ServiceStatus]]:
        """See `ClusterDeployment.processes`."""
        self._silent -= 1
        answer = ServiceStatus(
            "process-worker", "127.0.0.1:1", healthy=True, instance_id="i", host_architecture="aarch64"
        )
        timeout = ServiceStatus("process-worker", "127.0.0.1:2", healthy=False, detail="DEADLINE_EXCEEDED: late")
        return [(POD, answer), (replace(POD, name="worker-2"), timeout if self._silent >= 0 else answer)]


def machines_of(silent: int) -> dict[str, str]:
    """Return pod → machine as its process reports it, on a clock that goes ten seconds a poll."""
    stack, clock = Answering(silent), count(0.0, 10.0)
    return {
        pod.name: status.host_architecture
        for pod, status in answered(stack.processes, clock=lambda: next(clock), pause_s=0)
    }


def test_a_process_that_does_not_answer_at_once_is_asked_again() -> None:
    """An emulated process is slow at first."""
    assert machines_of(2) == {"worker-1": "aarch64", "worker-2": "aarch64"}


def test_a_process_that_never_answers_is_named() -> None:
    """What it is stays unknown."""
    with pytest.raises(Unavailable, match="worker-2 is ready, but does not report its identity") as error:
        machines_of(99)
    assert error.value.reason == "E_NO_ANSWER"
    assert "DEADLINE_EXCEEDED" in error.value.found


class Failing(ReplacingCluster):
    """A cluster with a namespace for the lab that stops answering once Deployments are applied.

    Attributes:
        where: Names of server, user, context and namespace.
        done: What was done to the cluster, in order.
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

    def delete(self, kind: Kind, name: str) -> bool:
        """See `Cluster.delete`; pods go with their Deployment."""
        self.done.append(f"delete {kind.name}")
        if kind == DEPLOYMENT:
            self._there = {key: body for key, body in self._there.items() if key[0] != "Pod"}
        return self._there.pop((kind.name, name), None) is not None


def done_by(monkeypatch: pytest.MonkeyPatch, folder: Path, *, up: bool = False, keep: bool = False) -> list[str]:
    """Return what happens, in order, where a stack cannot be brought up."""
    wanted, done = [config_map("a"), {"apiVersion": "apps/v1", "kind": "Deployment", **deployment()}], list[str]()
    cluster = Failing(done, *(wanted if up else ()))

    def rendered(there: KubernetesTarget, _request: StackRequest, *, nodes: Sequence[str]) -> list[KubeObject]:
        provide_credentials(there.folder, nodes, now=datetime.now(UTC))
        return objects(*wanted)

    monkeypatch.setattr(KubernetesTarget, "cluster", lambda _: cluster)
    monkeypatch.setattr(KubernetesTarget, "objects", rendered)
    request = StackRequest(keep=keep, keep_logs=lambda logs: done.append(f"logs of {', '.join(logs)}"))
    deployed = target(LabSettings(state_dir=folder)).deployed(request, lambda *_: None)
    with pytest.raises(Unavailable, match="cannot reach the cluster"), deployed as stack:
        stack.bring_up()
    return done


FAILED: Final = ["apply ConfigMap", "apply Deployment", "logs of worker-1"]
REMOVED: Final = [f"delete {kind}" for kind in ("Deployment", "Secret", "Secret", "Secret", "Secret", "ConfigMap")]


@pytest.mark.parametrize(
    ("before", "removed"),
    [({}, REMOVED), ({"keep": True}, []), ({"up": True}, []), ({"up": True, "keep": True}, [])],
    ids=["for-a-run", "to-be-kept", "was-up", "was-up-to-be-kept"],
)
def test_a_stack_that_does_not_come_up_hands_over_its_logs_before_it_goes(
    before: dict[str, bool], removed: list[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Logs come first; a stack that was up before, or is to be kept, stays."""
    assert done_by(monkeypatch, tmp_path, **before) == FAILED + removed


def test_a_namespace_that_stays_is_reported_with_the_objects_that_keep_it(tmp_path: Path) -> None:
    """Also when a stack is taken down after a run. A namespace that goes is not reported."""
    reported: list[tuple[str, str]] = []
    shared = KeptObjects(STACK, foreign={("ConfigMap", name): {} for name in "abcd"}, labels=OURS)
    taken = target(LabSettings(state_dir=tmp_path))

    def report(stage: str, happened: str, _seconds: float) -> None:
        reported.append((stage, happened))

    assert taken._remove(cluster(shared), report) == (True, ())
    words = "testbed stays: ConfigMap/a, ConfigMap/b, ConfigMap/c and 1 more in it did not come from the lab"
    assert reported == [("namespace", words)]
    assert taken._remove(cluster(KeptObjects(STACK, labels=OURS)), report) == (True, ())
    assert taken._remove(cluster(KeptObjects()), report) == (False, ())
    assert len(reported) == 1


def test_a_stack_that_does_not_go_is_an_error(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The error names what is left, and the command that explains it."""
    monkeypatch.setattr(KubernetesTarget, "cluster", lambda _: cluster(KeptObjects(STACK, labels=OURS)))
    monkeypatch.setattr("lab.targets.kubernetes.target.await_gone", lambda *_: ["Pod/a", "Namespace/testbed"])
    with pytest.raises(Unavailable, match="the stack is removed, but some objects stay") as error:
        target(LabSettings(state_dir=tmp_path)).down(lambda *_: None)
    assert error.value.found == "Pod/a, Namespace/testbed in namespace testbed, after 300 s"
    assert error.value.next_step == "lab diagnose --namespace testbed"
