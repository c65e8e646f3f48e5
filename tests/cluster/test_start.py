"""Prints how long a stack takes to start; no speed is asserted."""

import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import pytest

import lab
from lab.cli import main
from lab.load.port import LoadOrder
from lab.settings import load_settings
from lab.snapshots.kubernetes import NAME_LABEL
from lab.systems.services import SERVICES
from lab.targets.kubernetes.deployment import ClusterDeployment
from lab.targets.kubernetes.objects import APP_ARCHITECTURE_LABEL
from lab.targets.kubernetes.target import KubernetesTarget
from lab.wiring import ledger_source, load_generator
from tests.cluster.rig.kubectl import Kubectl
from tests.cluster.stack import NAMESPACE, ON_THE_CLUSTER, current_stack, objects
from tests.waiting import until

FIRST_S: Final = 120.0
POLL_S: Final = 0.3
SLOWEST: Final = {NAME_LABEL: "process-worker", APP_ARCHITECTURE_LABEL: "arm64"}
"""Labels of the slowest pod: it is emulated, and starts both bootstrap and the service."""

pytestmark = pytest.mark.timeout(600)


@pytest.mark.in_turn(2, family="whole stacks")
def test_the_first_event_is_counted_soon_after_up(
    runs: Path, kubectl: Kubectl, capsys: pytest.CaptureFixture[str], after_the_others: None
) -> None:
    """The time from `lab up`, compared with the slowest pod's start, among the others and alone; images are pulled."""
    assert main(["down", *ON_THE_CLUSTER]) == 0
    started = time.monotonic()
    with ThreadPoolExecutor(1) as pool:
        code = pool.submit(main, ["up", *ON_THE_CLUSTER])
        count_an_event()
        counted_s = time.monotonic() - started
        assert code.result() == 0
        up_s = time.monotonic() - started
    [slowest] = [
        body for body in objects(kubectl) if body["kind"] == "Pod" and SLOWEST.items() <= labels_of(body).items()
    ]
    alone_s = start_alone(kubectl)
    start = f"{start_s(slowest):.0f} s of these, alone {alone_s:.1f} s"
    ratios = f"{counted_s / alone_s:.2f} until an event is counted, {up_s / alone_s:.2f} until all is well"
    with capsys.disabled():
        print(f"\n  first event   counted {counted_s:.1f} s after `lab up` began; all was well after {up_s:.1f} s")
        print(f"  slowest pod   {slowest['metadata']['name']}: {start}")
        print(f"  ratios        {ratios}")


def count_an_event() -> None:
    """Wait until every service has a pod, send a few events, return when one event is counted."""
    order = LoadOrder("test-first", lab.load("synthetic", rate=100.0), 0.1)
    with reached_stack() as stack:
        load_generator(stack.endpoints).run(order, lambda _: None)
        ledger = ledger_source(stack.endpoints)
        until(lambda: ledger.view(order.run).balance.counted > 0, within_s=FIRST_S, poll_s=POLL_S)


@contextmanager
def reached_stack() -> Iterator[ClusterDeployment]:
    """Yield the stack once each service has a ready pod."""
    target = KubernetesTarget(load_settings())
    until(lambda: target.current() is not None, within_s=FIRST_S, poll_s=POLL_S)
    with current_stack() as stack:
        until(
            lambda: {row.service for row in stack.rows() if row.ready} >= set(SERVICES), within_s=FIRST_S, poll_s=POLL_S
        )
        yield stack


def start_alone(kubectl: Kubectl) -> float:
    """Return the seconds until the slowest pod is ready when it starts alone."""
    deployment, namespace = f"deployment/{'-'.join(SLOWEST.values())}", f"--namespace={NAMESPACE}"
    kubectl("scale", namespace, deployment, "--replicas=0")
    selector = ",".join(f"{name}={value}" for name, value in SLOWEST.items())
    kubectl.wait("delete", "pod", namespace, f"--selector={selector}", seconds=60.0)
    started = time.monotonic()
    kubectl("scale", namespace, deployment, "--replicas=1")
    kubectl("rollout", "status", namespace, deployment)
    return time.monotonic() - started


def labels_of(body: Mapping[str, Any]) -> Mapping[str, str]:
    """Return the labels of an object."""
    labels: Mapping[str, str] = body["metadata"]["labels"]
    return labels


def start_s(pod: Mapping[str, Any]) -> float:
    """Return the seconds from a pod's creation until it was ready; the API keeps whole seconds."""
    [ready] = [condition for condition in pod["status"]["conditions"] if condition["type"] == "Ready"]
    started, ended = (
        datetime.fromisoformat(at) for at in (pod["metadata"]["creationTimestamp"], ready["lastTransitionTime"])
    )
    return (ended - started).total_seconds()
