"""Takes a complete or incomplete rig down, and lists what is left of it."""

import shutil
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final

from lab.errors import Unavailable
from tests.cluster.rig import control_plane, machine, network, registry
from tests.cluster.rig.facts import RUN, RigFacts
from tests.cluster.rig.kubectl import Kubectl
from tests.cluster.rig.processes import Processes, end_strays, strays

PODS_END_S: Final = 10.0
"""Seconds for pods to end by themselves. A pod with a longer grace is killed with its node."""
CNI_RESULTS: Final = Path("/var/lib/cni/results")
"""Where the runtime keeps the network addresses of pods. It keeps only this and its shims' sockets outside the rig."""
KEPT: Final = "log"
"""The part of the state folder that stays: the logs of the rig's programs."""


def clear(facts: RigFacts, processes: Processes) -> None:
    """Remove the rig, in the order that leaves nothing behind; parts that are gone are skipped.

    Raises:
        Unavailable: A part cannot be removed.
    """
    processes.stop(*control_plane.CONTROLLERS)
    if processes.running("apiserver") and processes.running("kubelet"):
        _delete_pods(facts)
    processes.stop("kubelet", "proxy")
    processes.stop("containerd")
    processes.stop(*control_plane.REST, registry.NAME)
    end_strays()
    for path in (*_sockets(), *_network_results()):
        path.unlink(missing_ok=True)
    machine.unmount(facts.state, RUN)
    machine.remove_cgroups()
    network.remove()
    machine.restore(facts.state)
    for path in facts.state.glob("*"):
        if path.name != KEPT:
            _remove(path)


def leftovers(facts: RigFacts, processes: Processes) -> list[str]:
    """Return the parts of a rig that are on this machine now; empty when the rig is down."""
    running = {process.pid: name for name, process in processes.running().items()}
    parts = [f"process {pid} {command}" for pid, command in (running | strays()).items()]
    parts += [f"network namespace {name}" for name in network.namespaces()]
    parts += [f"interface {name}" for name in network.interfaces()]
    parts += [f"mount {point}" for point in machine.mounts(facts.state, RUN)]
    parts += [f"cgroup {path}" for path in machine.cgroups()]
    parts += [f"file {path}" for path in _network_results()]
    return parts + [f"folder {RUN}"] * RUN.exists() + machine.changes(facts.state)


def _delete_pods(facts: RigFacts) -> None:
    """Delete all pods while kubelets live, which then unmount and disconnect them; no controller makes new pods."""
    with suppress(Unavailable):
        timeouts = (f"--timeout={PODS_END_S:g}s", f"--request-timeout={PODS_END_S:g}s")
        all_pods = ("pods", "--all", "--all-namespaces", "--grace-period=1")
        Kubectl(facts)("delete", *all_pods, *timeouts, timeout_s=2 * PODS_END_S)


def _sockets() -> Iterator[Path]:
    """Yield the sockets of killed shims."""
    for address in RUN.glob("*/io.containerd.runtime.v2.task/*/*/address"):
        yield Path(address.read_text(encoding="utf-8").removeprefix("unix://"))


def _network_results() -> Iterator[Path]:
    """Yield the network results of the rig's pods, recognised by the folder of their namespaces."""
    return (path for path in CNI_RESULTS.glob("*") if f'"{RUN}/' in path.read_text(encoding="utf-8"))


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink()
