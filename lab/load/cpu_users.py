"""Names the programs that used this machine's CPUs, so that a disturbed run can say who disturbed it."""

from __future__ import annotations

import time
from collections import defaultdict
from typing import TYPE_CHECKING, Final

import psutil

from lab.model import CpuUse

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import TracebackType

MOST: Final = 4
"""Programs that are named."""
LEAST_SHARE: Final = 0.05
"""A program that used less of all CPUs than this is not named."""
STOLEN: Final = "other guests of the hypervisor"

Process = tuple[int, float]
"""Id and time of creation: an id may be used again."""


class CpuUsers:
    """Compares the CPU time of every process at both ends of its context.

    The context yields a list that is empty until the context ends; then it names the largest users, the largest first.
    A process that ended within the context is missing: nobody knows what it used.
    """

    def __init__(self) -> None:
        self.uses: list[CpuUse] = []
        self._before: Mapping[Process, tuple[str, float]] = {}
        self._stolen_s = self._started_s = 0.0

    def __enter__(self) -> list[CpuUse]:
        self._before, self._stolen_s, self._started_s = _used(), _stolen_s(), time.monotonic()
        return self.uses

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        available_s = (time.monotonic() - self._started_s) * (psutil.cpu_count() or 1)
        spent_s = defaultdict(float, {STOLEN: _stolen_s() - self._stolen_s})
        for process, (name, used_s) in _used().items():
            _, before_s = self._before.get(process, (name, 0.0))
            spent_s[name] += used_s - before_s
        shares = [CpuUse(name, min(1.0, seconds / available_s)) for name, seconds in spent_s.items()]
        largest = sorted(shares, key=lambda use: use.share, reverse=True)[:MOST]
        self.uses += [use for use in largest if use.share >= LEAST_SHARE]


def _used() -> dict[Process, tuple[str, float]]:
    """Return the name and the CPU seconds of every process that may be read."""
    used = {}
    for process in psutil.process_iter(["pid", "create_time", "cpu_times", "name", "cmdline"]):
        about = process.info
        if about["cpu_times"] is not None:
            seconds = about["cpu_times"].user + about["cpu_times"].system
            used[about["pid"], about["create_time"]] = (program_of(about["name"], about["cmdline"] or ()), seconds)
    return used


def program_of(name: str, command: list[str] | tuple[str, ...]) -> str:
    """Return what a person calls a process: the module or script where an interpreter runs one, else its name.

    >>> program_of("python3", ["python3", "-m", "services.ingest_api"]), program_of("make", ["make", "-j8"])
    ('services.ingest_api', 'make')
    >>> program_of("python", ["python", "-u", "/data/train.py", "--fast"])
    'train.py'
    """
    if not name.startswith("python") or len(command) < 2:
        return name
    if "-m" in command[:-1]:
        return command[command.index("-m") + 1]
    script = next((part for part in command[1:] if not part.startswith("-")), name)
    return script.rpartition("/")[2] or name


def _stolen_s() -> float:
    """Return the seconds that other guests of the hypervisor took from this machine; 0 where the kernel cannot say."""
    return float(getattr(psutil.cpu_times(), "steal", 0.0))
