"""Measures the CPU time of processes, and the CPU time that the machine withholds."""

import os
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Final

SPIN_S: Final = 2.0
DISTURBED_SHARE: Final = 0.05
"""Above this share of lost CPU time, a measurement shows the machine's other guests."""


def cpu_seconds(pid: int) -> float:
    """Return the CPU time of a process so far, all threads, from the scheduler's account in nanoseconds."""
    total = 0
    for task in Path(f"/proc/{pid}/task").iterdir():
        try:
            total += int((task / "schedstat").read_text().split()[0])
        except OSError:
            continue
    return total / 1e9


def cpu_of(pids: Iterable[int]) -> dict[int, float]:
    """Return the CPU seconds of several processes."""
    return {pid: cpu_seconds(pid) for pid in pids}


def stolen_share(seconds: float = SPIN_S) -> float:
    """Return the share of a core that a spinning thread did not get, 0 … 1; the larger of all cores."""
    lost = 0.0
    for core in sorted(os.sched_getaffinity(0)):
        os.sched_setaffinity(0, {core})
        started, used = time.perf_counter(), time.thread_time()
        while time.perf_counter() - started < seconds / 2:
            pass
        elapsed = time.perf_counter() - started
        lost = max(lost, 1 - (time.thread_time() - used) / elapsed)
    os.sched_setaffinity(0, range(os.cpu_count() or 1))
    return lost
