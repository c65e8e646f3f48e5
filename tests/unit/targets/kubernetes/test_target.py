"""A target on a cluster: whether a stack fits, what a start leaves, how a stack goes."""

import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import Final

import pytest

from lab.errors import Unavailable
from lab.settings import LabSettings
from lab.targets.kubernetes.credentials.credentials import provide_credentials
from lab.targets.kubernetes.objects import KubeObject
from lab.targets.kubernetes.secret_names import SECRET_NAMES
from lab.targets.kubernetes.target import KubernetesTarget
from lab.targets.port import StackRequest
from tests.fakes.cluster import FakeClusterClient, Object
from tests.unit.targets.kubernetes.api_server import ApiServer
from tests.unit.targets.kubernetes.clusters import (
    FOR_THE_LAB,
    OURS,
    SECRET,
    STACK,
    config_map,
    kept_objects,
    objects,
)
from tests.unit.targets.kubernetes.samples import OF_THE_STACK, deployment, pod

WORKER: Final = "Deployment/process-worker-arm64"
BY_NAME: Final = [f"delete Secret/{name}" for name in SECRET_NAMES]
"""Secrets are removed by their names, whether they are there or not."""


def ignore(_stage: str, _message: str, _seconds: float) -> None:
    """Ignore a report."""


def target(
    folder: Path, cluster: FakeClusterClient, *wanted: Object, clock: Callable[[], float] = time.monotonic
) -> KubernetesTarget:
    """Return a target on that cluster, whose stack consists of these objects."""

    def opened(kubeconfig: Path | None, *, context: str, namespace: str) -> FakeClusterClient:
        return cluster

    def rendered(
        settings: LabSettings, request: StackRequest, *, credentials: Path, nodes: Sequence[str]
    ) -> Sequence[KubeObject]:
        provide_credentials(credentials, nodes, now=datetime.now(UTC))
        return objects(*wanted)

    return KubernetesTarget(LabSettings(state_dir=folder), open_cluster=opened, render=rendered, clock=clock)


def test_credentials_belong_to_a_namespace_of_one_cluster(tmp_path: Path) -> None:
    """By any file and context that name that cluster, and not to another cluster that the same file names later."""
    here, there = ApiServer(address="https://192.0.2.2:6443"), ApiServer(address="https://192.0.2.3:6443")
    file = here.kubeconfig(tmp_path)
    first = LabSettings(state_dir=tmp_path, kubeconfig=file)
    folder = KubernetesTarget(first).folder
    assert KubernetesTarget(replace_in(first, context="here")).folder == folder
    assert KubernetesTarget(replace_in(first, context="there")).folder != folder
    assert KubernetesTarget(replace_in(first, namespace="other")).folder != folder
    there.kubeconfig(tmp_path)
    assert KubernetesTarget(first).folder != folder


def replace_in(settings: LabSettings, **changes: object) -> LabSettings:
    """Return the settings with some changes."""
    return settings.model_copy(update=changes)


def of_replicas(replicas: int) -> Object:
    """Return the Deployment with that number of pods."""
    body = deployment()
    return {**body, "spec": {**body["spec"], "replicas": replicas}}


def up() -> FakeClusterClient:
    """Return a cluster on which a stack is up: a Deployment, a Secret and a ConfigMap."""
    return FakeClusterClient(FOR_THE_LAB, of_replicas(1), SECRET, config_map("a"))


@pytest.mark.parametrize(
    ("wanted", "differs"),
    [
        ([of_replicas(2), SECRET, config_map("a")], "change Deployment process-worker-arm64"),
        ([of_replicas(1), SECRET, config_map("a", "other\n")], "change ConfigMap a"),
        ([of_replicas(1), SECRET], "remove ConfigMap a"),
        ([of_replicas(1), SECRET, config_map("a"), config_map("b")], "create ConfigMap b"),
        (
            [of_replicas(1), SECRET, *map(config_map, "abcde")],
            "create ConfigMap b, create ConfigMap c, create ConfigMap d and 1 more",
        ),
    ],
    ids=["replicas", "content", "one-less", "one-more", "many-more"],
)
def test_a_stack_that_differs_is_not_used(wanted: list[Object], differs: str, tmp_path: Path) -> None:
    """By the API server's word; the first differences are named, and nothing is changed."""
    cluster = up()
    with (
        pytest.raises(Unavailable, match="another stack is up in this namespace") as error,
        target(tmp_path, cluster, FOR_THE_LAB, *wanted).deployed(StackRequest(), ignore),
    ):
        pytest.fail("it was used")
    assert error.value.found == f"the requested stack would have to {differs}"
    assert error.value.next_step == "lab down --target kubernetes --namespace testbed"
    assert cluster.done == []


def test_a_stack_fits_where_applying_would_change_nothing(tmp_path: Path) -> None:
    """It is used as it is, and stays. Whether a Secret differs cannot be told."""
    cluster, changed = up(), {**SECRET, "data": {"token": "b3RoZXI="}}
    stack = target(tmp_path, cluster, FOR_THE_LAB, of_replicas(1), changed, config_map("a"))
    before = cluster.there
    with stack.deployed(StackRequest(), ignore) as deployed:
        assert deployed.programs() == []
    assert (cluster.done, cluster.there) == ([], before)


def test_a_stack_that_is_to_be_kept_becomes_what_is_wanted(tmp_path: Path) -> None:
    """It is changed where it is up already, and stays."""
    cluster = up()
    wanted = [FOR_THE_LAB, deployment(), SECRET, config_map("b")]
    with target(tmp_path, cluster, *wanted).deployed(StackRequest(keep=True), ignore) as stack:
        stack.bring_up()
    assert cluster.done[-1] == "delete ConfigMap/a"
    assert set(cluster.there) == {(body["kind"], body["metadata"]["name"]) for body in wanted[1:]}


def test_a_stack_for_a_run_comes_up_and_goes(tmp_path: Path) -> None:
    """Objects are applied in their order; an object that is no longer wanted goes after the rollout."""
    cluster = FakeClusterClient(FOR_THE_LAB, config_map("old"))
    reported: list[str] = []
    wanted = [FOR_THE_LAB, config_map("a"), deployment()]

    def report(stage: str, happened: str, _seconds: float) -> None:
        reported.append(f"{stage} {happened}")

    with target(tmp_path, cluster, *wanted).deployed(StackRequest(), report) as stack:
        stack.bring_up()
        assert cluster.done == ["apply ConfigMap/a", f"apply {WORKER}", "delete ConfigMap/old"]
    assert cluster.done[3:] == [f"delete {WORKER}", *BY_NAME, "delete ConfigMap/a"]
    assert cluster.there == []
    assert reported == [
        "cluster https://127.0.0.1:6443 as eve, namespace testbed",
        "applied 2 objects, 2 changed",
        "rollout process-worker-arm64   2/2 on no node",
    ]


def done_by(folder: Path, *, is_up: bool = False, keep: bool = False) -> list[str]:
    """Return what happens, in order, where a stack cannot be brought up."""
    wanted = [config_map("a"), deployment()]
    cluster = FakeClusterClient(FOR_THE_LAB, pod(), *(wanted if is_up else ()))
    cluster.faults = {f"apply {WORKER}": Unavailable("cannot reach the cluster")}
    request = StackRequest(keep=keep, keep_logs=lambda logs: cluster.done.append(f"logs of {', '.join(logs)}"))
    deployed = target(folder, cluster, *wanted).deployed(request, ignore)
    with pytest.raises(Unavailable, match="cannot reach the cluster"), deployed as stack:
        stack.bring_up()
    return cluster.done


FAILED: Final = ["apply ConfigMap/a", f"apply {WORKER}", "logs of worker-1"]
REMOVED: Final = [f"delete {WORKER}", *BY_NAME, "delete ConfigMap/a"]


@pytest.mark.parametrize(
    ("before", "removed"),
    [({}, REMOVED), ({"keep": True}, []), ({"is_up": True}, []), ({"is_up": True, "keep": True}, [])],
    ids=["for-a-run", "to-be-kept", "was-up", "was-up-to-be-kept"],
)
def test_a_stack_that_does_not_come_up_hands_over_its_logs_before_it_goes(
    before: dict[str, bool], removed: list[str], tmp_path: Path
) -> None:
    """Logs come first; a stack that was up before, or is to be kept, stays."""
    assert done_by(tmp_path, **before) == FAILED + removed


def test_a_namespace_that_stays_is_reported_with_the_objects_that_keep_it(tmp_path: Path) -> None:
    """A namespace that goes is not reported."""
    reported: list[tuple[str, str]] = []

    def report(stage: str, happened: str, _seconds: float) -> None:
        reported.append((stage, happened))

    shared = kept_objects(STACK, foreign={("ConfigMap", name): {} for name in "abcd"}, labels=OURS)
    assert target(tmp_path, shared).down(report)
    words = "testbed stays: ConfigMap/a, ConfigMap/b, ConfigMap/c and 1 more in it did not come from the lab"
    assert reported == [("namespace", words)]
    assert target(tmp_path, kept_objects(STACK, labels=OURS)).down(report)
    assert not target(tmp_path, kept_objects()).down(report)
    assert len(reported) == 1


def staying() -> FakeClusterClient:
    """Return a cluster with a stack and its namespace, in which a pod does not end."""
    cluster = kept_objects(STACK, labels=OURS)
    cluster.hold([{"kind": "Pod", "metadata": {"name": "a", "labels": OF_THE_STACK, "finalizers": ["example/wait"]}}])
    return cluster


def later() -> Callable[[], float]:
    """Return a clock on which every look is five minutes after the look before."""
    return count(0.0, 301.0).__next__


def test_a_stack_that_does_not_go_is_an_error(tmp_path: Path) -> None:
    """The error names what is left, and the command that explains it."""
    with pytest.raises(Unavailable, match="the stack is removed, but some objects stay") as error:
        target(tmp_path, staying(), clock=later()).down(ignore)
    assert error.value.found == "Pod/a, Namespace/testbed in namespace testbed, after 300 s"
    assert error.value.next_step == "lab diagnose --namespace testbed"


def test_what_a_run_leaves_is_reported(tmp_path: Path) -> None:
    """The run's result does not depend on it, so that it is no error."""
    cluster, reported = FakeClusterClient({**FOR_THE_LAB, "metadata": {"name": "testbed", "labels": OURS}}), list[str]()

    def report(stage: str, happened: str, _seconds: float) -> None:
        reported.append(f"{stage} {happened}")

    lingering = config_map("a", finalizers=["example/wait"])
    with target(tmp_path, cluster, lingering, clock=later()).deployed(StackRequest(), report) as stack:
        stack.bring_up()
    assert reported[-1] == "terminating Namespace/testbed not gone in time"
