"""Taking the rig down, whole or half, and finding what is left of one."""

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
"""Seconds for pods to end by themselves; one that was asked before, with a longer grace, is killed with its node."""
CNI_RESULTS: Final = Path("/var/lib/cni/results")
"""Where the runtime keeps what a network gave to a pod; beside its shims' sockets all it has outside the rig."""
OUTLIVES: Final = "log"
"""The one part of the state folder that stays: what the rig's programs said."""


def clear(facts: RigFacts, processes: Processes) -> None:
    """Remove everything in the one order that leaves nothing; whatever is already gone is passed over.

    Raises:
        Unavailable: Something cannot be removed.
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
        if path.name != OUTLIVES:
            _remove(path)


def leftovers(facts: RigFacts, processes: Processes) -> list[str]:
    """Everything of a rig that is on this machine now; empty once it is down."""
    running = {process.pid: name for name, process in processes.running().items()}
    found = [f"process {pid} {command}" for pid, command in (running | strays()).items()]
    found += [f"network namespace {name}" for name in network.namespaces()]
    found += [f"interface {name}" for name in network.interfaces()]
    found += [f"mount {point}" for point in machine.mounts(facts.state, RUN)]
    found += [f"cgroup {path}" for path in machine.cgroups()]
    found += [f"file {path}" for path in _network_results()]
    return found + [f"folder {RUN}"] * RUN.exists() + machine.changes(facts.state)


def _delete_pods(facts: RigFacts) -> None:
    """While a kubelet lives it unmounts and unwires what belongs to a pod; nobody makes new ones any more."""
    with suppress(Unavailable):
        timeouts = (f"--timeout={PODS_END_S:g}s", f"--request-timeout={PODS_END_S:g}s")
        every = ("pods", "--all", "--all-namespaces", "--grace-period=1")
        Kubectl(facts)("delete", *every, *timeouts, timeout_s=2 * PODS_END_S)


def _sockets() -> Iterator[Path]:
    """Those of killed shims."""
    for address in RUN.glob("*/io.containerd.runtime.v2.task/*/*/address"):
        yield Path(address.read_text(encoding="utf-8").removeprefix("unix://"))


def _network_results() -> Iterator[Path]:
    """Those of pods of the rig, which are told by where their namespaces were."""
    return (path for path in CNI_RESULTS.glob("*") if f'"{RUN}/' in path.read_text(encoding="utf-8"))


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink()
