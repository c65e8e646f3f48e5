"""However a rig ends, nothing of it stays on the machine."""

import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from lab.errors import Exists
from tests.cluster.pods import pod, push_probe
from tests.cluster.rig.kubectl import Kubectl
from tests.cluster.rig.rig import Rig

SHIM_SOCKETS = Path("/run/containerd/s")
HOLD = """
import signal, sys
from tests.cluster.rig.rig import Rig
signal.signal(signal.SIGINT, signal.default_int_handler)
with Rig(): print("up", flush=True); sys.stdin.read()
"""
"""The handler is set, because a background process of a shell ignores Ctrl-C."""


@pytest.fixture
def held(rig_possible: None) -> Iterator["subprocess.Popen[str]"]:
    """Yield a program that holds a rig until it ends."""
    if Rig().is_kept:
        pytest.skip("the kept rig is up (make cluster-down)")
    pipe = subprocess.PIPE
    with subprocess.Popen([sys.executable, "-c", HOLD], stdin=pipe, stdout=pipe, text=True) as owner:
        assert owner.stdout is not None
        assert owner.stdout.readline() == "up\n"
        yield owner
        owner.kill()


def serve_on_every_node() -> None:
    """Run a pod on each node of the rig that is up."""
    rig = Rig().facts
    kubectl, image = Kubectl(rig), push_probe(rig)
    for node in rig.nodes:
        kubectl.apply(pod(node.name, node, image.pinned(node.architecture), "serve", ":8080"))
    kubectl.wait("condition=Ready", *(f"pod/{node.name}" for node in rig.nodes))


def test_a_killed_owner_takes_its_processes_along_and_down_removes_the_rest(held: "subprocess.Popen[str]") -> None:
    """Signal 9 to the owner ends the rig's programs; the next `down` removes pods, namespaces, mounts, cgroups."""
    before = set(SHIM_SOCKETS.glob("*"))
    serve_on_every_node()
    with pytest.raises(Exists, match="in use"):
        Rig().down()
    held.kill()
    held.wait()
    left = Rig().leftovers()
    for kind in ("network namespace", "interface", "mount", "cgroup"):
        assert any(part.startswith(kind) for part in left), f"no {kind} in {left}"
    assert sum("/program serve" in part for part in left) == len(Rig().facts.nodes), left

    Rig().down()

    assert Rig().leftovers() == []
    assert set(SHIM_SOCKETS.glob("*")) == before


def test_an_end_by_the_keyboard_leaves_nothing(held: "subprocess.Popen[str]") -> None:
    """At Ctrl-C the context ends, and restores even the settings of the kernel."""
    serve_on_every_node()
    held.send_signal(signal.SIGINT)
    held.wait(timeout=60)

    assert held.returncode == -signal.SIGINT
    assert Rig().leftovers() == []


@pytest.mark.parametrize("outside", ["192.0.2.1", "198.17.255.255"])
def test_tests_of_the_cluster_reach_the_rig_and_nothing_else(outside: str) -> None:
    """The guard of all tests allows the rig's own network only."""
    with pytest.raises(AssertionError, match=f"tried to reach {outside}"):
        socket.create_connection((outside, 80), timeout=0.1)
