"""Asks this machine: system, disk, memory, who listens where."""

import platform
import shutil
from collections.abc import Collection, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final

import psutil

from lab.settings import LabSettings
from lab.snapshots.machine import Listener, MachineProbe, StackPhase

KERNEL_COUNTERS: Final = Path("/proc/vmstat")
CGROUP_EVENTS: Final = Path("/sys/fs/cgroup/memory.events")
OUT_OF_MEMORY: Final = "oom_kill"
"""In both files: how many processes were ended for want of memory."""
LONGEST_COMMAND: Final = 80


def probe_machine(
    settings: LabSettings, *, stack: StackPhase = "", stack_dir: str = "", ports: Collection[int] = ()
) -> MachineProbe:
    """Return what this machine is and has.

    Args:
        settings: Name the folders of stacks and of runs.
        stack: Phase of the stack.
        stack_dir: Folder of the stack.
        ports: Ports that are looked for among the listeners.
    """
    memory = psutil.virtual_memory()
    return MachineProbe(
        system=platform.system(),
        architecture=platform.machine(),
        python=platform.python_version(),
        state_dir=str(settings.state_dir),
        state_free_bytes=_free_bytes(settings.state_dir),
        runs_dir=str(settings.runs_dir),
        runs_free_bytes=_free_bytes(settings.runs_dir),
        runs=sum(1 for _ in settings.runs_dir.glob("*/run.json")),
        memory_bytes=memory.total,
        memory_available_bytes=memory.available,
        out_of_memory_kills=_out_of_memory_kills(),
        stack=stack,
        stack_dir=stack_dir,
        listeners=tuple(_listeners(ports)) if ports else (),
    )


def _free_bytes(folder: Path) -> int:
    """Return the free bytes on the disk of a folder that need not be there; -1 where that cannot be told."""
    try:
        return shutil.disk_usage(next(path for path in (folder, *folder.parents) if path.exists())).free
    except (OSError, StopIteration):
        return -1


def _out_of_memory_kills() -> int | None:
    """Return the larger of the kernel's count and the cgroup's; None where neither can be read."""
    counts = []
    for file in (KERNEL_COUNTERS, CGROUP_EVENTS):
        with suppress(OSError, ValueError):
            rows = (line.split() for line in file.read_text(encoding="ascii").splitlines())
            counts += [int(row[1]) for row in rows if row[0] == OUT_OF_MEMORY]
    return max(counts, default=None)


def _listeners(ports: Collection[int]) -> Iterator[Listener]:
    """Yield who listens on some ports; a process of another user has no name here."""
    with suppress(psutil.Error):
        for connection in psutil.net_connections(kind="tcp"):
            if connection.status == psutil.CONN_LISTEN and connection.laddr and connection.laddr.port in ports:
                pid = connection.pid or 0
                yield Listener(connection.laddr.port, pid, _command(pid) if pid else "")


def _command(pid: int) -> str:
    try:
        process = psutil.Process(pid)
        return (" ".join(process.cmdline()) or process.name())[:LONGEST_COMMAND]
    except psutil.Error:
        return ""
