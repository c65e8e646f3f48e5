"""Starting the rig, stage by stage, each waited for."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

import httpx

from lab.errors import Unavailable
from tests.cluster.rig import control_plane, images, machine, network, node, registry
from tests.cluster.rig.certificates import Certificates
from tests.cluster.rig.facts import DNS_READY_URL, NODES, REGISTRY, RigFacts
from tests.cluster.rig.kubectl import Kubectl
from tests.cluster.rig.processes import Processes
from tests.cluster.rig.programs import Progress

READY_S: Final = 90.0
"""Seconds until something answers; five times what two quiet cores need for the whole rig."""
REGISTERED_S: Final = 40.0
"""Seconds until both nodes are Ready; seven times what two quiet cores need."""


def start(facts: RigFacts, processes: Processes, progress: Progress) -> None:
    """Start everything; it returns when every node is Ready and names resolve.

    Raises:
        Unavailable: Something ended or does not answer; the message has the end of its log.
    """
    state, programs = facts.state, facts.programs
    with _stage("machine and network", progress):
        machine.prepare(state)
        network.create()
        Certificates(state / "certificates").create()
    with _stage("registry", progress):
        registry.start(processes, state)
        _await(lambda: _answers(f"http://{REGISTRY}/v2/"), registry.NAME, processes)
        images.push(images.PAUSE, {"amd64": programs / "probe-amd64"}, ["pause"])
    with _stage("control plane", progress):
        control_plane.start_api(processes, programs, state)
        for one in NODES:
            node.start_runtime(processes, one, state)
        _await(Kubectl(facts).is_ready, "apiserver", processes)
        control_plane.start_rest(processes, programs, state)
    with _stage("nodes", progress):
        _start_nodes(facts, processes)


def _start_nodes(facts: RigFacts, processes: Processes) -> None:
    kubectl = Kubectl(facts)
    try:
        _start_kubelets(facts, processes)
        _await(kubectl.has_ready_nodes, f"kubelet-{NODES[-1].name}", processes, REGISTERED_S)
    except Unavailable:
        # One that stands still is started again, as the service manager of a real node is asked to.
        processes.stop("kubelet", "proxy")
        _start_kubelets(facts, processes)
        _await(kubectl.has_ready_nodes, f"kubelet-{NODES[-1].name}", processes)
    # Without its account the namespace takes no pod.
    _await(lambda: kubectl.has("serviceaccount/default"), "controller-manager", processes)
    _await(lambda: _answers(DNS_READY_URL), "coredns", processes)


def _start_kubelets(facts: RigFacts, processes: Processes) -> None:
    for one in NODES:
        _await(node.socket_of(one).is_socket, f"containerd-{one.name}", processes)
        node.start_kubelet(processes, one, programs=facts.programs, state=facts.state)


@contextmanager
def _stage(name: str, progress: Progress) -> Iterator[None]:
    started = time.monotonic()
    yield
    progress(name, time.monotonic() - started)


def _await(condition: Callable[[], bool], name: str, processes: Processes, seconds: float = READY_S) -> None:
    """Wait for a process to be ready."""
    end, pause = time.monotonic() + seconds, threading.Event()
    while not condition():
        processes.require(name)
        if time.monotonic() > end:
            raise Unavailable(f"{name} of the rig was not ready in {seconds:g} s", found=processes.last_words(name))
        pause.wait(0.1)


def _answers(url: str) -> bool:
    try:
        return httpx.get(url, timeout=2.0, trust_env=False).is_success
    except httpx.TransportError:
        return False
