"""Starts the rig in stages."""

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
from tests.cluster.rig.waiting import wait_until

READY_S: Final = 90.0
"""Seconds until a program answers; five times what two quiet cores need for the whole rig."""
REGISTERED_S: Final = 40.0
"""Seconds until both nodes are Ready; seven times what two quiet cores need."""


def start(facts: RigFacts, processes: Processes, progress: Progress) -> None:
    """Start the rig; return when every node is Ready and names resolve.

    Raises:
        Unavailable: A program ended or does not answer; the message has the end of its log.
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
        for rig_node in NODES:
            node.start_runtime(processes, rig_node, state)
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
        # A kubelet that hangs is started again, as the service manager of a real node does.
        processes.stop("kubelet", "proxy")
        _start_kubelets(facts, processes)
        _await(kubectl.has_ready_nodes, f"kubelet-{NODES[-1].name}", processes)
    # Without its service account the namespace accepts no pod.
    _await(lambda: kubectl.has("serviceaccount/default"), "controller-manager", processes)
    _await(lambda: _answers(DNS_READY_URL), "coredns", processes)


def _start_kubelets(facts: RigFacts, processes: Processes) -> None:
    for rig_node in NODES:
        _await(node.socket_of(rig_node).is_socket, f"containerd-{rig_node.name}", processes)
        node.start_kubelet(processes, rig_node, programs=facts.programs, state=facts.state)


@contextmanager
def _stage(name: str, progress: Progress) -> Iterator[None]:
    started = time.monotonic()
    yield
    progress(name, time.monotonic() - started)


def _await(condition: Callable[[], bool], name: str, processes: Processes, seconds: float = READY_S) -> None:
    """Wait until a process is ready."""

    def is_ready() -> bool:
        is_so = condition()
        if not is_so:
            processes.require(name)
        return is_so

    late = f"{name} of the rig was not ready in {seconds:g} s"
    wait_until(is_ready, seconds=seconds, fault=lambda: Unavailable(late, found=processes.log_tail(name)))


def _answers(url: str) -> bool:
    try:
        return httpx.get(url, timeout=2.0, trust_env=False).is_success
    except httpx.TransportError:
        return False
