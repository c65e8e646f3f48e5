"""Changes this machine for the rig and restores it: kernel settings, binfmt, mounts, cgroups."""

import json
import shutil
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final

from lab.errors import Unavailable
from lab.files import write_text
from tests.cluster.rig.commands import run, succeeds
from tests.cluster.rig.facts import NODES, PREFIX, RUN
from tests.cluster.rig.network import NAMESPACE_FOLDER
from tests.cluster.rig.waiting import wait_until

MEMORY: Final = "machine.json"
BINFMT: Final = Path("/proc/sys/fs/binfmt_misc")
EMULATED: Final = BINFMT / "qemu-aarch64"
CGROUPS: Final = Path("/sys/fs/cgroup")
KUBELET_SETS: Final = (
    "vm/overcommit_memory",
    "vm/panic_on_oom",
    "kernel/panic",
    "kernel/panic_on_oops",
    "kernel/keys/root_maxkeys",
    "kernel/keys/root_maxbytes",
)
"""Settings of the whole machine that every kubelet writes (`setupKernelTunables`)."""
CGROUP_END_S: Final = 5.0


def prepare(state: Path) -> None:
    """Record the machine's state, let it run arm64 programs, and create the nodes' cgroups."""
    before = {
        "kernel": {name: Path("/proc/sys", name).read_text(encoding="utf-8").strip() for name in KUBELET_SETS},
        "mounted": [str(path) for path in (BINFMT, NAMESPACE_FOLDER) if _is_mounted(path)],
        "emulated": EMULATED.exists(),
    }
    write_text(state / MEMORY, json.dumps(before))
    if not _is_mounted(BINFMT):
        run("mount", "-t", "binfmt_misc", "binfmt_misc", str(BINFMT))
    if not EMULATED.exists():
        run("update-binfmts", "--enable", "qemu-aarch64")
    for cgroup in _cgroups_of_nodes():
        cgroup.mkdir(exist_ok=True)
        if (cgroup.parent / "cpuset.cpus").exists():
            for name in ("cpuset.cpus", "cpuset.mems"):  # an empty cpuset accepts no process
                (cgroup / name).write_text((cgroup.parent / name).read_text("utf-8"), encoding="utf-8")


def changes(state: Path) -> list[str]:
    """Return a line about recorded settings that are not restored yet, if any."""
    return [f"settings of the machine, remembered in {state / MEMORY}"] if (state / MEMORY).exists() else []


def restore(state: Path) -> None:
    """Restore the recorded state of the machine, if any was recorded."""
    memory = state / MEMORY
    if not memory.exists():
        return
    before = json.loads(memory.read_text(encoding="utf-8"))
    for name, value in before["kernel"].items():
        with suppress(OSError):
            Path("/proc/sys", name).write_text(value, encoding="utf-8")
    if not before["emulated"] and EMULATED.exists():
        run("update-binfmts", "--disable", "qemu-aarch64")
    if str(BINFMT) not in before["mounted"] and _is_mounted(BINFMT):
        run("umount", str(BINFMT))
    netns_is_ours = str(NAMESPACE_FOLDER) not in before["mounted"] and _is_mounted(NAMESPACE_FOLDER)
    if netns_is_ours and not any(
        NAMESPACE_FOLDER.iterdir()
    ):  # `ip netns add` made this folder and mounted it on itself
        run("umount", str(NAMESPACE_FOLDER))
        NAMESPACE_FOLDER.rmdir()
    memory.unlink()


def mounts(*folders: Path) -> list[str]:
    """Return the mount points in some folders, the last mounted first."""
    lines = Path("/proc/self/mountinfo").read_text(encoding="utf-8").splitlines()
    points = [line.split()[4].replace("\\040", " ") for line in lines]
    return [point for point in reversed(points) if any(Path(point).is_relative_to(folder) for folder in folders)]


def _is_mounted(folder: Path) -> bool:
    """Whether a folder is a mount point; `is_mount` does not see a folder that is mounted on itself."""
    return str(folder) in mounts(folder)


def unmount(*folders: Path) -> None:
    """Unmount everything in some folders, then remove the rig's folder below /run."""
    for point in mounts(*folders):
        if not succeeds("umount", point):
            run("umount", "--lazy", point)
    if not mounts(RUN):
        shutil.rmtree(RUN, ignore_errors=True)


def cgroups() -> list[Path]:
    """Return the nodes' cgroups that exist, one in each hierarchy."""
    return sorted(CGROUPS.glob(f"*/{PREFIX}-*"))


def processes_in_cgroups() -> set[int]:
    """Return the process IDs of all pods."""
    pids: set[int] = set()
    for cgroup in _with_those_below():
        with suppress(OSError):
            pids.update(int(line) for line in (cgroup / "cgroup.procs").read_text(encoding="utf-8").split())
    return pids


def remove_cgroups() -> None:
    """Remove the rig's cgroups; a killed process may keep its cgroup for a moment.

    Raises:
        Unavailable: A cgroup cannot be removed.
    """

    def are_gone() -> bool:
        for cgroup in _with_those_below():
            with suppress(OSError):
                cgroup.rmdir()
        return not cgroups()

    wait_until(
        are_gone,
        seconds=CGROUP_END_S,
        poll_s=0.05,
        fault=lambda: Unavailable("cgroups of the rig cannot be removed", found=str(next(iter(cgroups()), ""))),
    )


def _with_those_below() -> list[Path]:
    """Return all cgroups of the rig, the deepest first."""
    roots = cgroups()
    return sorted([*roots, *(path for root in roots for path in root.rglob("*") if path.is_dir())], reverse=True)


def _cgroups_of_nodes() -> Iterator[Path]:
    for hierarchy in CGROUPS.iterdir():
        if hierarchy.name != "unified" and (hierarchy / "cgroup.procs").exists() and not hierarchy.is_symlink():
            for node in NODES:
                yield hierarchy / node.namespace
