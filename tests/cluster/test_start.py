"""How long it takes until a stack does something; printed, since no test asserts a speed."""

import threading
import time
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import pytest

import lab
from lab.cli import main
from lab.load.port import PlayOrder
from lab.targets.cluster.deployment import ClusterDeployment
from lab.targets.kube import ARCHITECTURE_LABEL, NAME_LABEL, STACK_LABEL
from lab.wiring import ledger_source, load_generator
from tests.cluster.rig.kubectl import Kubectl
from tests.cluster.stack import NAMESPACE, ON_THE_CLUSTER, current_stack, objects, wait_until_gone

FIRST_S: Final = 60.0

pytestmark = pytest.mark.timeout(600)


def test_the_first_event_is_counted_soon_after_up(
    runs: Path, kubectl: Kubectl, capsys: pytest.CaptureFixture[str], after_the_others: None
) -> None:
    """Printed beside the start of its slowest pod, among all the others and alone; images are on the nodes."""
    assert main(["down", *ON_THE_CLUSTER]) == 0
    wait_until_gone(kubectl, STACK_LABEL)
    begun = time.monotonic()
    assert main(["up", *ON_THE_CLUSTER]) == 0
    up_s = time.monotonic() - begun
    with current_stack() as stack:
        count_something(stack)
        counted_s = time.monotonic() - begun
    pods = [one for one in objects(kubectl) if one["kind"] == "Pod" and ARCHITECTURE_LABEL in one["metadata"]["labels"]]
    slowest = max(pods, key=start_s)
    labels = slowest["metadata"]["labels"]
    name, mine = f"{labels[NAME_LABEL]}-{labels[ARCHITECTURE_LABEL]}", f"--namespace={NAMESPACE}"
    kubectl("scale", mine, f"deployment/{name}", "--replicas=0")
    wait_until_gone(kubectl, f"{NAME_LABEL}={labels[NAME_LABEL]},{ARCHITECTURE_LABEL}={labels[ARCHITECTURE_LABEL]}")
    again = time.monotonic()
    kubectl("scale", mine, f"deployment/{name}", "--replicas=1")
    kubectl("rollout", "status", mine, f"deployment/{name}")
    alone_s = time.monotonic() - again
    with capsys.disabled():
        print(f"\n  lab up        {up_s:.1f} s, first event counted after {counted_s:.1f} s")
        print(f"  slowest pod   {name}, {start_s(slowest):.0f} s of these; alone {alone_s:.1f} s", end=" ")
        print(f"({counted_s / alone_s:.2f} times as long from `lab up` to the first counted event)")


def count_something(stack: ClusterDeployment) -> None:
    """Play a few events, and return when one of them is counted."""
    order = PlayOrder("test-first", lab.load("synthetic", rate=100.0), 0.1)
    load_generator(stack.endpoints).play(order, lambda _: None)
    end, pause = time.monotonic() + FIRST_S, threading.Event()
    while not ledger_source(stack.endpoints).view(order.run).balance.counted:
        assert time.monotonic() < end, "nothing was counted"
        pause.wait(0.05)


def start_s(pod: Mapping[str, Any]) -> float:
    """Seconds from a pod's creation until it was ready; the API keeps whole seconds."""
    [ready] = [one for one in pod["status"]["conditions"] if one["type"] == "Ready"]
    begun, ended = (
        datetime.fromisoformat(at) for at in (pod["metadata"]["creationTimestamp"], ready["lastTransitionTime"])
    )
    return (ended - begun).total_seconds()
