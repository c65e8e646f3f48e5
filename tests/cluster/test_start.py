"""How long it takes until a stack does something; printed, since no test asserts a speed."""

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
from lab.systems.services import SERVICES
from lab.targets.kubernetes.deployment import ClusterDeployment
from lab.targets.kubernetes.objects import ARCHITECTURE_LABEL, NAME_LABEL
from lab.wiring import ledger_source, load_generator, open_kubernetes
from tests.cluster.rig.kubectl import Kubectl
from tests.cluster.stack import NAMESPACE, ON_THE_CLUSTER, current_stack, objects
from tests.waiting import until

FIRST_S: Final = 120.0
LOOK_S: Final = 0.3
SLOWEST: Final = {NAME_LABEL: "process-worker", ARCHITECTURE_LABEL: "arm64"}
"""It is emulated, and starts two programs: bootstrap and the service."""

pytestmark = pytest.mark.timeout(600)


def test_the_first_event_is_counted_soon_after_up(
    runs: Path, kubectl: Kubectl, capsys: pytest.CaptureFixture[str], after_the_others: None
) -> None:
    """From `lab up` on; beside the start of the slowest pod, among all the others and alone. Images are there."""
    assert main(["down", *ON_THE_CLUSTER]) == 0
    begun = time.monotonic()
    with ThreadPoolExecutor(1) as pool:
        code = pool.submit(main, ["up", *ON_THE_CLUSTER])
        count_an_event()
        counted_s = time.monotonic() - begun
        assert code.result() == 0
        up_s = time.monotonic() - begun
    [slowest] = [one for one in objects(kubectl) if one["kind"] == "Pod" and SLOWEST.items() <= labels_of(one).items()]
    alone_s = start_alone(kubectl)
    start = f"{start_s(slowest):.0f} s of these, alone {alone_s:.1f} s"
    ratios = f"{counted_s / alone_s:.2f} until an event is counted, {up_s / alone_s:.2f} until all is well"
    with capsys.disabled():
        print(f"\n  first event   counted {counted_s:.1f} s after `lab up` began; all was well after {up_s:.1f} s")
        print(f"  slowest pod   {slowest['metadata']['name']}: {start}")
        print(f"  ratios        {ratios}")


def count_an_event() -> None:
    """Wait for a stack that has a pod of every service, play a few events, return when one of them is counted."""
    order = LoadOrder("test-first", lab.load("synthetic", rate=100.0), 0.1)
    with reached_stack() as stack:
        load_generator(stack.endpoints).run(order, lambda _: None)
        ledger = ledger_source(stack.endpoints)
        until(lambda: ledger.view(order.run).balance.counted > 0, within_s=FIRST_S, look_s=LOOK_S)


@contextmanager
def reached_stack() -> Iterator[ClusterDeployment]:
    """The stack, once each of its services has a pod that is ready."""
    target = open_kubernetes(load_settings())
    until(lambda: target.current() is not None, within_s=FIRST_S, look_s=LOOK_S)
    with current_stack() as stack:
        until(
            lambda: {row.service for row in stack.rows() if row.ready} >= set(SERVICES), within_s=FIRST_S, look_s=LOOK_S
        )
        yield stack


def start_alone(kubectl: Kubectl) -> float:
    """Seconds that the slowest pod takes from being wanted until it is ready, when all others are up."""
    deployment, mine = f"deployment/{'-'.join(SLOWEST.values())}", f"--namespace={NAMESPACE}"
    kubectl("scale", mine, deployment, "--replicas=0")
    selector = ",".join(f"{name}={value}" for name, value in SLOWEST.items())
    kubectl.wait("delete", "pod", mine, f"--selector={selector}", seconds=60.0)
    begun = time.monotonic()
    kubectl("scale", mine, deployment, "--replicas=1")
    kubectl("rollout", "status", mine, deployment)
    return time.monotonic() - begun


def labels_of(thing: Mapping[str, Any]) -> Mapping[str, str]:
    """Of an object."""
    labels: Mapping[str, str] = thing["metadata"]["labels"]
    return labels


def start_s(pod: Mapping[str, Any]) -> float:
    """Seconds from a pod's creation until it was ready; the API keeps whole seconds."""
    [ready] = [one for one in pod["status"]["conditions"] if one["type"] == "Ready"]
    begun, ended = (
        datetime.fromisoformat(at) for at in (pod["metadata"]["creationTimestamp"], ready["lastTransitionTime"])
    )
    return (ended - begun).total_seconds()
