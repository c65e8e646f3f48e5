"""Tells how much memory reading a file may take on this machine."""

from pathlib import Path
from typing import Final

import psutil

CGROUP: Final = Path("/sys/fs/cgroup")
LIMITS: Final = ("memory.max", "memory/memory.limit_in_bytes")
"""Files with the memory of a container, in the two versions of cgroups. A container without a limit has no number."""


def free_bytes(cgroup: Path = CGROUP) -> int:
    """Return the bytes that this process may still take: those of the machine, and those of its container.

    Args:
        cgroup: Where the kernel shows the limits of the container.
    """
    free = int(psutil.virtual_memory().available)
    taken = int(psutil.Process().memory_info().rss)
    return max(0, min([free, *(limit - taken for limit in _container_bytes(cgroup))]))


def _container_bytes(cgroup: Path) -> list[int]:
    limits = []
    for name in LIMITS:
        try:
            limits.append(int((cgroup / name).read_text(encoding="ascii")))
        except (OSError, ValueError):
            continue
    return limits
