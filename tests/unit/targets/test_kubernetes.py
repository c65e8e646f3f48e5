"""A target on a cluster: its credentials, whether a stack is what is wanted, who answers, what is explained."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import pytest

from lab.errors import LabError, Unavailable
from lab.model import ServiceStatus
from lab.settings import LabSettings
from lab.targets.cluster.rollout import PodView
from lab.targets.kubernetes import KubernetesTarget, answered
from tests.unit.targets.api_server import ApiServer
from tests.unit.targets.test_identity import POD
from tests.unit.targets.test_objects import OURS, STACK, Kept, cluster
from tests.unit.targets.test_preview import NAMESPACE, SECRET, Server, config_map, objects

if TYPE_CHECKING:
    from lab.targets.cluster.api import Cluster
    from lab.targets.cluster.deployment import ClusterDeployment

Object = dict[str, Any]
FAULT = Unavailable("the load ended early")


def target(
    settings: LabSettings, explain: Callable[[KubernetesTarget, LabError], LabError] = lambda _, error: error
) -> KubernetesTarget:
    """A target without images."""
    return KubernetesTarget(settings, {}, heard=lambda _: frozenset(), explain=explain)


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


def test_a_namespace_that_stays_is_said_with_what_keeps_it(tmp_path: Path) -> None:
    """And by whoever takes a stack down after a run, too; one that goes is no news."""
    told: list[tuple[str, str]] = []
    shared = Kept(STACK, theirs={("ConfigMap", name): {} for name in "abcd"}, labels=OURS)
    taken = target(LabSettings(state_dir=tmp_path))
    assert taken._remove(cluster(shared), lambda what, happened, _: told.append((what, happened)))
    words = "testbed stays: ConfigMap/a, ConfigMap/b, ConfigMap/c and 1 more in it did not come from the lab"
    assert told == [("namespace", words)]
    assert taken._remove(cluster(Kept(STACK, labels=OURS)), lambda what, happened, _: told.append((what, happened)))
    assert not taken._remove(cluster(Kept()), lambda what, happened, _: told.append((what, happened)))
    assert len(told) == 1
